"""One put and one get, message by message, exactly as they are told in the golden transcript."""

from __future__ import annotations

from tests.simulation.story import PATH, tell


def test_the_story_of_a_put_and_a_get_is_as_it_was_told() -> None:
    """Where it should read otherwise, regenerate it: `python -m tests.simulation.regenerate`."""
    assert tell().splitlines() == PATH.read_text().splitlines()
