"""Write the golden transcripts anew: `python -m tests.simulation.regenerate`."""

from __future__ import annotations

from nodes.simulated.partitions import FEW, partitions
from tests.simulation import story, story_of_a_death

if __name__ == "__main__":
    with partitions(FEW):
        story.PATH.write_text(story.tell())
        story_of_a_death.PATH.write_text(story_of_a_death.tell())
