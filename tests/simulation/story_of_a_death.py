"""The story of another golden transcript: a node dies, is found dead, and comes back."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.simulation.membership import all_alive, all_show, network_of

PATH = Path(__file__).parent / "transcripts" / "death_and_return.txt"

STORY = """\
Of three nodes, node3 loses its power. A ping to it bounces, for there is no connection; so the one
who pinged asks the other to try, who has no answer either and says so. After half a second without
one, node3 is suspect, and all are told. Whoever hears it looks for itself, and vouches for it. As
node3 does not refute, it is dead 1.5 s after it was suspected. Then it is started again, as its
boot 2, and that is later news than anything that was said of its boot 1; it serves once another
node has compared notes with it.

Only what concerns node3 is shown here; what the others' routers are told is left out.
Regenerate on purpose, and read the difference: python -m tests.simulation.regenerate
Columns: virtual ms, sender -> receiver, message, #correlation id.

"""


def tell() -> str:
    """Run it; the text of the golden transcript."""
    simulation, _ = network_of(3, seed=4)
    simulation.run_for(700)
    start = len(simulation.transcript)
    simulation.crash("node3")
    simulation.run_until(partial(all_show, simulation, "node3", "dead"), 4_000)
    simulation.run_for(500)
    simulation.start("node3")
    simulation.run_until(partial(all_alive, simulation), 2_000)
    lines = simulation.transcript.text(start).splitlines(keepends=True)
    return STORY + "".join([line for line in lines if "node3" in line and "/router " not in line])
