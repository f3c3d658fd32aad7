"""Write the golden transcript anew: `python -m tests.simulation.regenerate`, then read the diff."""

from __future__ import annotations

from tests.simulation.story import PATH, tell

if __name__ == "__main__":
    PATH.write_text(tell())
