"""What happens, message by message, exactly as it is told in the golden transcripts."""

from __future__ import annotations

from tests.simulation import story, story_of_a_death


def test_the_story_of_a_put_and_a_get_is_as_it_was_told() -> None:
    """Where it should read otherwise, regenerate it: `python -m tests.simulation.regenerate`."""
    assert story.tell().splitlines() == story.PATH.read_text().splitlines()


def test_the_story_of_a_death_and_a_return_is_as_it_was_told() -> None:
    """Likewise."""
    assert story_of_a_death.tell().splitlines() == story_of_a_death.PATH.read_text().splitlines()
