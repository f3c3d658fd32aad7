"""Every run of the tests is the same run, whoever starts it."""

import os
import signal

from hypothesis import settings

# What hypothesis draws follows from the test alone.
settings.register_profile("gossamer", derandomize=True, deadline=None)
settings.load_profile("gossamer")

# A shell that starts the tests in the background has SIGINT ignored, which the processes that the
# tests start would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """One more worker than there are cores, for tests with real nodes mostly wait; four at most,
    for what they wait for is to happen in time."""
    return min(4, (os.cpu_count() or 1) + 1)
