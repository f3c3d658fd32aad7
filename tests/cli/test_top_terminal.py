"""`gossamer top` in a terminal and without one, with a network in which nodes die."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nodes.free_ports import Ports
from tests.cli.conftest import Run
from tests.cli.processes import gossamer
from tests.cli.tops import TopProcess
from tests.networks import NodeProcess, Processes, client_of, wait_until

Begin = Callable[..., TopProcess]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[NodeProcess]]:
    """Three node processes."""
    ports = Ports()
    processes = Processes(tmp_path, ports)
    yield processes.nodes_that_list_each_other(3)
    processes.close()
    ports.close()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Begin `gossamer top` in a pseudo-terminal; none is left at the end."""
    begun: list[TopProcess] = []

    def begin(*endpoints: str) -> TopProcess:
        named = [part for endpoint in endpoints for part in ("--endpoint", endpoint)]
        begun.append(TopProcess(*named, cwd=tmp_path))
        return begun[-1]

    yield begin
    for top in begun:
        top.close()


def test_a_network_is_seen_to_lose_nodes_and_to_get_them_back(
    nodes: list[NodeProcess], begin: Begin
) -> None:
    """A node that is killed dies in view; that none answers is told, and when one does again."""
    first, second, third = nodes
    top = begin(first.listen, second.listen)
    wait_until(
        "all are well", lambda: top.shows("asks node1", "every partition has all its copies")
    )
    with client_of(first.listen) as client:

        def put() -> bool:
            client.put("user:1", "seen")
            return top.shows("user:1")

        wait_until("a put is seen", put)
    third.kill()
    wait_until("it is seen to die", lambda: top.shows("node3  suspect -> dead", "lack a copy"))
    first.kill()
    second.kill()
    wait_until("nobody answers", lambda: top.shows("no answer for", "trying again"))
    for node in (first, second):
        node.start()
    wait_until("there are answers", lambda: top.shows("there are answers again", "asks node"))
    top.press(b"q")
    assert top.wait() == (0, "")
    assert top.is_restored()


def test_a_terminal_may_be_resized(closed: str, begin: Begin) -> None:
    """The next frame has the new size; before there is a network to show, too."""
    top = begin(closed)
    wait_until("it goes on trying", lambda: top.shows("no answer for", "q: quit"))
    top.resize(40, 10)
    top.signal(signal.SIGWINCH)

    def is_narrow() -> bool:
        lines = top.screen().splitlines()
        return len(lines[0]) == 40 and len(lines) <= 10 and all(len(text) <= 40 for text in lines)

    wait_until("it is narrow", is_narrow)
    top.press(b"\x03")
    assert top.wait() == (0, "")
    assert top.is_restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_gives_the_terminal_back(
    closed: str, begin: Begin, number: signal.Signals
) -> None:
    """The process then ends by that signal, as its parent expects."""
    top = begin(closed)
    wait_until("it goes on trying", lambda: top.shows("no answer for"))
    top.signal(number)
    assert top.wait() == (-number, "")
    assert top.is_restored()


def test_once_prints_a_frame_and_ends(run: Run) -> None:
    """In lines, without a terminal; in colours only where they are asked for."""
    result = run("top", "--once")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("gossamer   asks n1   1 member   epoch 1 ")
    assert lines[1] == "every partition has all its copies"
    assert lines[4].split()[:3] == ["A", "n1", "alive"]
    assert len(lines) == 22
    assert "\x1b" not in result.stdout


def test_once_fails_where_nobody_answers(closed: str, tmp_path: Path) -> None:
    """As every command does: one sentence, and the exit status for it."""
    done = gossamer("top", "--once", "--endpoint", closed, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr.decode().count("\n") == 1


def test_without_a_terminal_it_says_what_to_do(run: Run) -> None:
    """One sentence, and the exit status of wrong usage; so it does for --json."""
    result = run("top")
    assert result.exit_code == 2
    assert result.stderr == (
        "gossamer: top needs a terminal; --once prints a single frame without one"
        " (see gossamer top --help)\n"
    )
    assert run("top", "--json", "--once").exit_code == 2
