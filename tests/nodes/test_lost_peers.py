"""Peers that are killed while much of theirs waits to be taken: that does not end the process which
they were connected to. (libzmq 4.3.5 does so, by an assertion, where it sends heartbeats.)"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.networks import DEADLINE_S, ROOT

LISTENING = """
import select, subprocess, sys
from nodes import sockets

context = sockets.new_context()
router, port = getattr(sockets, sys.argv[1])(context, "127.0.0.1", 0)
peer = subprocess.Popen(
    [sys.executable, "-c", sys.argv[3], sys.argv[2], str(port)],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
peer.stdout.readline()
router.poll(10_000)
peer.kill()
peer.wait()
# Longer than heartbeats would take to find out, and to be sent once more; nothing is taken.
select.select([], [], [], 2.6)
taken = 0
while router.poll(500):
    sockets.receive(router)
    taken += 1
print(taken)
"""
SENDING = """
import sys
from nodes import sockets

dealer = getattr(sockets, sys.argv[1])(sockets.new_context())
dealer.connect("tcp://127.0.0.1:" + sys.argv[2])
dealer.poll(10_000, 2)
sent = 0
while dealer.poll(300, 2):
    sockets.send(dealer, [b"x" * 50])
    sent += 1
    if sent == 200:
        break
print(sent, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("router", "dealer"),
    [("request_router", "request_dealer"), ("files_router", "files_dealer")],
)
def test_a_peer_that_is_killed_unheard_takes_nobody_with_it(router: str, dealer: str) -> None:
    """What it had sent may be lost; who did not take it in time lives."""
    ended = subprocess.run(
        [sys.executable, "-c", LISTENING, router, dealer, SENDING],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert int(ended.stdout) > 0
