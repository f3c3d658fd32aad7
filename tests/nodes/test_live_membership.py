"""Who is there is shown, soon: of node processes that are killed, stand still, stop and leave.

The deadlines are the specification's, each from its event until every node shows it. To find that
out every node is asked in turn, so each deadline has LOOKING_S on top.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.processes import COMMAND, environment, gossamer
from tests.networks import (
    DEADLINE_S,
    NodeProcess,
    Processes,
    Views,
    logged,
    start_all,
    wait_until,
)

LOOKING_S = 0.25
"""A request to each of five nodes, where the machine is busy with other tests."""

DEAD_S = 4.0
BACK_S = 2.0
STOPPED_S = 1.0
SHARED_S = 1.0
REFUTED_S = 3.0

REFUSED = 6
VALUES = {f"key:{n}": n for n in range(50)}


class Living:
    """Some nodes of one network, what each of them shows, and a victim among them."""

    def __init__(self, processes: Processes, count: int) -> None:
        self.nodes = processes.nodes_that_list_each_other(count)
        self.victim = self.nodes[-1]
        self.others = self.nodes[:-1]
        self.views = Views({node.name: node.listen for node in self.nodes})
        self.within(DEADLINE_S, "all are alive to all", self.views.all_alive)

    def within(self, deadline_s: float, what: str, holds: Callable[[], object]) -> None:
        """Return once it holds, if that is in time."""
        wait_until(what, holds, deadline_s + LOOKING_S)

    def shown(self, state: str, within_s: float) -> None:
        """Return once all others show the victim in this state, if that is in time."""
        name = self.victim.name
        viewers = [node.name for node in self.others]
        self.within(within_s, f"{name} is {state}", lambda: self.views.show(name, state, viewers))

    def restart(self) -> None:
        """Start the victim again, which is then alive to all in time."""
        self.victim.start()
        self.victim.wait_ready()
        self.views.connect(self.victim.name)
        self.within(BACK_S, "all are alive to all", self.views.all_alive)

    def refusal(self) -> str:
        """What the victim says when it is started again, and refused."""
        before = len(self.victim.said())
        self.victim.start()
        assert self.victim.wait_ended() == REFUSED
        return self.victim.said()[before:]

    def gone(self) -> bool:
        """Does no other node count the victim any more?"""
        name = self.victim.name
        states = [self.views.states(node.name) for node in self.others]
        return all(found and found.get(name, "left") == "left" for found in states)

    def news(self, viewer: NodeProcess) -> list[str]:
        """The states of the victim that the viewer has logged, in order."""
        return [
            record["event"].removeprefix("member_")
            for record in viewer.log()
            if record["event"].startswith("member_") and record["member"] == self.victim.name
        ]

    def has_died(self) -> bool:
        """Has everyone logged that the victim was suspect, and then that it was dead?"""
        return all(
            "dead" in news[news.index("suspect") :] if "suspect" in news else False
            for news in map(self.news, self.others)
        )

    def shares(self, values: dict[str, object]) -> bool:
        """Are these all the shared values, on every node?"""
        return all(client.shared() == values for client in self.views.clients.values())


@pytest.fixture
def five(processes: Processes) -> Iterator[Living]:
    """Five node processes that are one network; they are gone at the end."""
    living = Living(processes, 5)
    yield living
    living.views.close()


@pytest.fixture
def three(processes: Processes) -> Iterator[Living]:
    """Three of them, where more would show nothing more."""
    living = Living(processes, 3)
    yield living
    living.views.close()


@contextlib.contextmanager
def printed_by(out: Path, *arguments: str) -> Iterator[Callable[[], list[str]]]:
    """A command that goes on, and the lines that it has printed so far."""
    with (
        out.open("wb") as stdout,
        subprocess.Popen(
            [*COMMAND, *arguments], stdout=stdout, stderr=stdout, env=environment()
        ) as process,
    ):
        try:
            yield lambda: out.read_text().splitlines()
        finally:
            process.kill()


def test_a_killed_node_is_dead_to_all_within_four_seconds(five: Living) -> None:
    """Suspect, then dead; started again it is alive to all within two seconds of being ready."""
    five.victim.kill()
    five.shown("dead", DEAD_S)
    wait_until("its death is logged", five.has_died)
    five.restart()


@pytest.mark.parametrize("still_s", [0, pytest.param(20, marks=pytest.mark.soak)])
def test_a_node_that_stood_still_refutes_its_death(three: Living, still_s: float) -> None:
    """It goes on as the process that it was, alive to all, and reads what was written meanwhile."""
    three.views.clients["node1"].put_many(dict.fromkeys(VALUES, "older"))
    three.victim.signal(signal.SIGSTOP)
    began = time.monotonic()
    three.shown("dead", DEAD_S)
    wait_until("it stood still", lambda: time.monotonic() - began >= still_s, still_s + 1)
    wait_until("its death is logged", three.has_died)
    three.views.clients["node1"].put_many(VALUES)
    three.victim.signal(signal.SIGCONT)
    three.views.connect(three.victim.name)
    for node in (three.victim, *three.others):
        assert three.views.clients[node.name].get_many(VALUES) == VALUES
    three.shown("alive", REFUTED_S)
    three.within(REFUTED_S, "all are alive to all", three.views.all_alive)
    assert three.views.read(VALUES)
    assert len(three.victim.logged("started")) == 1


def test_a_stop_is_announced_at_once(three: Living) -> None:
    """`stopped` to all within a second, never suspect; it owns what it owned, and is back."""
    three.views.clients["node1"].put_many(VALUES)
    three.victim.signal(signal.SIGTERM)
    three.shown("stopped", STOPPED_S)
    assert three.victim.wait_ended() == 0
    three.restart()
    three.within(DEADLINE_S, "every key is read", lambda: three.views.read(VALUES))
    for viewer in three.others:
        assert {"suspect", "dead"}.isdisjoint(three.news(viewer))


@pytest.mark.parametrize("asked", ["itself", "another"])
def test_a_node_that_leaves_has_left_for_good(three: Living, asked: str, tmp_path: Path) -> None:
    """Told so by any node it ends with status 0, is no member any more, and cannot come back."""
    told = ["--endpoint", three.victim.listen]
    if asked == "another":
        told = [three.victim.name, "--endpoint", three.others[0].listen]
    done = gossamer("leave", *told, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert three.victim.wait_ended() == 0
    # The others have not left it, and its log says at whose wish it has left them.
    assert not logged(three.victim.data, "member_left")
    assert "leave for good" in logged(three.victim.data, "noted")[0]["what"]
    # That it takes its time is no cause for alarm.
    assert all(logged(node.data, "request_slow") == [] for node in (three.victim, *three.others))
    three.within(STOPPED_S, "it has left", three.gone)
    assert "for good" in three.refusal()
    assert three.gone()


def test_a_dead_node_may_be_forgotten(three: Living, tmp_path: Path) -> None:
    """Not while it lives. Then it has left, and is refused when it is started all the same."""
    forget = ("forget", three.victim.name, "--endpoint", three.others[0].listen)
    assert gossamer(*forget, cwd=tmp_path).returncode == REFUSED
    three.victim.kill()
    three.shown("dead", DEAD_S)
    done = gossamer(*forget, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    three.within(STOPPED_S, "it is forgotten", three.gone)
    noted = logged(three.others[0].data, "noted")
    assert noted[-1]["what"] == f"a client had {three.victim.name} forgotten"
    assert logged(three.others[0].data, "member_dead")[0]["level"] == "warning"
    assert "for good" in three.refusal()
    assert three.gone()


def test_what_is_shared_is_on_every_node(three: Living, tmp_path: Path) -> None:
    """Within a second, what is taken back too; and it is still so after a kill -9 of all."""
    first, *_, last = three.nodes
    for key in ("motto", "mood"):
        arguments = ("share", key, f"{key} of all", "--endpoint", first.listen)
        assert gossamer(*arguments, cwd=tmp_path).returncode == 0
    both: dict[str, object] = {"motto": "motto of all", "mood": "mood of all"}
    three.within(SHARED_S, "it is shared with all", lambda: three.shares(both))
    assert gossamer("unshare", "mood", "--endpoint", last.listen, cwd=tmp_path).returncode == 0
    rest: dict[str, object] = {"motto": "motto of all"}
    three.within(SHARED_S, "it is taken back from all", lambda: three.shares(rest))
    for node in three.nodes:
        node.kill()
    start_all(three.nodes)
    for node in three.nodes:
        three.views.connect(node.name)
    assert three.shares(rest)
    shown = gossamer("shared", "--endpoint", last.listen, cwd=tmp_path).stdout.decode()
    assert "motto of all" in shown
    assert "mood" not in shown


def test_watching_the_members_shows_a_death_as_it_happens(three: Living, tmp_path: Path) -> None:
    """`gossamer members --watch` prints who is there, and goes on with what changes."""
    arguments = ("members", "--watch", "--endpoint", three.others[0].listen)
    name = three.victim.name
    with printed_by(tmp_path / "watched", *arguments) as lines:

        def printed(state: str) -> bool:
            return any({name, state} <= set(line.split()) for line in lines())

        wait_until("who is there is printed", lambda: printed("alive"))
        three.victim.kill()
        three.within(DEAD_S, "its death is printed", lambda: printed("dead"))
