"""What docs/security.md shows is what happens, and what it says of roles and limits is so."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

from actors.roles import CLIENT_ROLES, KEYS_PER_ROLE
from nodes.secret_file import read_node_keys
from nodes.sockets import MAX_REQUEST_BYTES, Context, request_router
from tests.networks import ROOT, Network, wait_until
from tests.nodes.sessions import blocks, run, session, with_addresses

PAGE = (ROOT / "docs" / "security.md").read_text()
STEPS = [step for block in blocks(PAGE, "console") for step in session(block)]
SHOWN_FINGERPRINT = "882b639d991a9ad7"


def prints(command: str, folder: Path, endpoint: str, shown: str) -> bool:
    """Does it print that now?"""
    return run(command, folder, endpoint) == shown


def test_the_sessions_print_what_is_shown(network: Network, tmp_path: Path) -> None:
    """From the first command on, which makes the secret of the network that is then started."""
    (made, shown), *steps = STEPS
    printed = run(made, tmp_path, "")
    file = tmp_path / "gossamer.secret"
    fingerprint = read_node_keys(file).fingerprints[0]
    assert printed == shown.replace(SHOWN_FINGERPRINT, fingerprint)
    nodes = network.nodes_that_list_each_other(3, secret=file)
    real = {"127.0.0.1:7100": nodes[0].address, SHOWN_FINGERPRINT: fingerprint}
    for command, text in steps:
        shown = with_addresses(text, real)
        wait_until(command, partial(prints, command, tmp_path, nodes[0].address, shown), 10)


def test_the_table_of_roles_is_complete() -> None:
    """In the order in which each may do more."""
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [*CLIENT_ROLES]
    assert f"There are {KEYS_PER_ROLE:,} keys of each role" in PAGE


@pytest.mark.parametrize("what", ["handshake", "frame"])
def test_the_bounds_are_those_of_the_sockets(context: Context, what: str) -> None:
    """In seconds, and in MiB."""
    router, _ = request_router(context, "127.0.0.1", 0)
    seconds = int(str(router.handshake_ivl)) // 1_000
    router.close()
    said = f"each is cut after {seconds} s"
    assert (
        said if what == "handshake" else f"{MAX_REQUEST_BYTES // 2**20} MiB a connection"
    ) in PAGE
