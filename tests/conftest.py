"""Every run of the tests is the same run: what hypothesis draws follows from the test alone."""

from hypothesis import settings

settings.register_profile("gossamer", derandomize=True, deadline=None)
settings.load_profile("gossamer")
