"""What members --watch, leave and forget print, whatever the node at the other end says."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
from dataclasses import asdict, replace
from typing import Any

import orjson
import pytest

from actors.membership import Member
from tests.cli.conftest import Play, Run, Start
from tests.cli.processes import COMMAND, DEADLINE_S, environment
from tests.networks import wait_until
from tests.nodes.scripted import ScriptedNode, background, checked, members_listed

ONE = Member(
    "00000000000000a1", "n1", "127.0.0.1:7100", "127.0.0.1:8100", "127.0.0.1:9100", 1, 0, "alive"
)
TWO = Member(
    "00000000000000a2", "node2", "127.0.0.1:7200", "127.0.0.1:8200", "127.0.0.1:9200", 1, 0, "alive"
)
THREE = Member(
    "00000000000000a3",
    "n3\x1b",
    "127.0.0.1:7300",
    "127.0.0.1:8300",
    "127.0.0.1:9300",
    1,
    0,
    "alive",
)
SUSPECT = replace(TWO, state="suspect")
LEFT = replace(TWO, incarnation=1, state="left")
MOVED = replace(ONE, boot=2, address="127.0.0.1:9999")

CHANGES: list[tuple[Member, str, dict[str, Any]]] = [
    (
        replace(TWO, state="suspect"),
        "node2  alive -> suspect",
        {"state": "suspect", "was": "alive"},
    ),
    (replace(TWO, incarnation=1), "node2  suspect -> alive", {"state": "alive", "was": "suspect"}),
    (MOVED, "n1     address changed to 127.0.0.1:9999", {"state": "alive", "was": "alive"}),
    (
        replace(ONE, boot=3, state="leaving"),
        "n1     alive -> leaving, address changed to 127.0.0.1:7100",
        {"state": "leaving", "was": "alive"},
    ),
    (LEFT, "node2  has left", {"state": "left", "was": "alive"}),
    (THREE, "n3\\x1b  new member, alive, at 127.0.0.1:7300", {"state": "alive", "was": None}),
]


def tell(node: ScriptedNode, known: dict[str, Member], member: Member) -> None:
    """Answer the next request with what is known, and this."""
    known[member.id] = member
    node.answer_next(members_listed(f"d{member}", *known.values()))


def test_every_change_is_a_line_as_it_happens(play: Play, start: Start) -> None:
    """After the table: the time of day, who it is, and what became of it."""
    node, known = play(), {ONE.id: ONE, TWO.id: TWO}
    process = start("members", "--watch", "--endpoint", node.address)
    node.answer_next(members_listed("d", ONE, TWO))
    assert process.next_line() == f"n1     {ONE.id}  alive  {ONE.address}"
    assert process.next_line() == f"node2  {TWO.id}  alive  {TWO.address}"
    for member, line, _ in CHANGES:
        tell(node, known, member)
        assert re.sub(r"^\d\d:\d\d:\d\d  ", "", process.next_line()) == line
    process.signal(signal.SIGINT)
    assert process.wait() == -signal.SIGINT
    assert process.lines == []


def test_every_change_is_an_object(play: Play, start: Start) -> None:
    """First one a member, then one a change; `was` is the state before, or null."""
    node, known = play(), {ONE.id: ONE, TWO.id: TWO}
    process = start("members", "--watch", "--json", "--endpoint", node.address)
    node.answer_next(members_listed("d", ONE, TWO))
    for member in (ONE, TWO):
        fields = {name: getattr(member, name) for name in ("name", "id", "state", "address")}
        assert orjson.loads(process.next_line()) == fields | {"was": None}
    for member, _, told in CHANGES:
        tell(node, known, member)
        row = {"name": member.name, "id": member.id, "address": member.address}
        assert orjson.loads(process.next_line()) == row | told


def test_changes_are_coloured_where_colours_are_wanted(play: Play, start: Start) -> None:
    """The states as in the table, red for the dead; in a pipe there are none."""
    node = play()
    process = start("members", "--watch", "--endpoint", node.address, FORCE_COLOR="1")
    node.answer_next(members_listed("d", TWO))
    assert "\x1b[32malive\x1b[0m" in process.next_line()
    node.answer_next(members_listed("e", replace(TWO, state="dead")))
    assert process.next_line().endswith("\x1b[32malive\x1b[0m -> \x1b[31mdead\x1b[0m")


WAITS = "waiting for one of node2 to confirm that this node is still a member"


def test_members_say_that_the_node_is_not_ready(play: Play, run: Run) -> None:
    """To stderr, beside what it lists all the same."""
    for options, note in (
        ([], f"gossamer: the node is not ready: {WAITS}\n"),
        (["--json"], f'{{"ready":false,"waiting":"{WAITS}"}}\n'),
    ):
        node = play()
        answered = background(node.answer_next, members_listed("d", ONE, SUSPECT, waiting=WAITS))
        done = run("members", *options, "--endpoint", node.address)
        assert answered.result(DEADLINE_S)["type"] == "list_members"
        assert (done.exit_code, done.stderr) == (0, note)
        assert done.stdout.count("suspect") == 1


def test_a_watch_says_when_the_node_is_ready(play: Play, start: Start) -> None:
    """And why it is not, if it is not any more."""
    node = play()
    process = start("members", "--watch", "--endpoint", node.address)
    node.answer_next(members_listed("d", ONE, SUSPECT, waiting=WAITS))
    assert process.line_with("not ready").endswith(WAITS)
    assert "suspect" in [process.next_line(), process.next_line()][1]
    node.answer_next(members_listed("e", ONE, TWO))
    process.line_with("the node is ready")
    assert process.next_line().endswith("node2  suspect -> alive")


def test_a_watch_goes_on_when_the_node_comes_back(play: Play, start: Start, address: str) -> None:
    """It says once that nobody answers, tries every second, and says when there is an answer."""
    node = play(address)
    process = start("members", "--watch", "--endpoint", address)
    node.answer_next(members_listed("d", ONE, TWO))
    assert [process.next_line() for _ in range(2)]
    node.next_request()
    node.close()
    assert process.line_with("nobody answers").endswith("; trying again every second")
    node = play(address)
    assert node.answer_next(members_listed("e", ONE, LEFT))["type"] == "list_members"
    process.line_with("there is an answer again")
    assert process.next_line().endswith("node2  has left")
    assert node.next_request()[1]["seen"] == "e"
    process.signal(signal.SIGINT)
    process.wait()
    assert len(process.lines) == 2


def test_a_watch_goes_on_with_the_next_endpoint(play: Play, start: Start) -> None:
    """Without a word, as somebody answers."""
    nodes = [play(), play()]
    process = start("members", "--watch", *(f"--endpoint={node.address}" for node in nodes))
    wait_until("one is asked", lambda: any(node.has_request() for node in nodes))
    asked, other = nodes if nodes[0].has_request() else reversed(nodes)
    asked.answer_next(members_listed("d", ONE))
    assert process.next_line().startswith("n1")
    asked.next_request()
    asked.close()
    other.answer_next(members_listed("e", ONE, TWO))
    assert "node2  new member" in process.next_line()
    process.signal(signal.SIGINT)
    process.wait()
    assert process.lines == []


def test_a_watch_does_not_begin_where_nobody_answers(run: Run, closed: str) -> None:
    """Status 5, as with every command: the address may be wrong."""
    for command in (("members", "--watch"), ("watch",)):
        assert run(*command, "--endpoint", closed).exit_code == 5


@pytest.mark.parametrize(
    ("arguments", "asked", "said"),
    [
        (("leave", "node2"), "node2", "node2 has left\n"),
        (("leave",), "", "node2 has left\n"),
        (("forget", "node2"), "node2", "node2 is forgotten\n"),
    ],
    ids=["leave", "own leave", "forget"],
)
def test_who_departed_is_said(
    play: Play, start: Start, arguments: tuple[str, ...], asked: str, said: str
) -> None:
    """In a line for a person, and as JSON."""
    node = play()
    departed = {"type": "departed", "member": asdict(LEFT)}
    process = start(*arguments, "--endpoint", node.address)
    header = node.answer_next(departed)
    assert (header["type"], header["member"]) == (arguments[0], asked)
    assert process.next_line() + "\n" == said
    assert process.wait() == 0
    process = start(*arguments, "--json", "--endpoint", node.address)
    node.answer_next(departed)
    told = {"name": "node2", "id": LEFT.id, "state": "left"}
    assert orjson.loads(process.next_line()) == told
    assert process.wait() == 0


def test_a_loss_is_accepted_only_where_that_is_said(play: Play, start: Start) -> None:
    """`forget` alone asks for the consent of a majority."""
    node = play()
    for options, accepted in (((), False), (("--accept-loss",), True)):
        process = start("forget", "node2", *options, "--endpoint", node.address)
        header = node.answer_next({"type": "departed", "member": asdict(LEFT)})
        assert header["accept_loss"] is accepted
        assert process.wait() == 0


def test_how_far_a_leave_is_shows_on_a_terminal_alone(play: Play) -> None:
    """On stderr, in one line that is written anew; stdout has who has left and nothing else."""
    node = play()
    terminal, inside = os.openpty()
    command = [*COMMAND, "leave", "node2", "--endpoint", node.address]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=inside, env=environment(COLUMNS="62")
    )
    client, leave = node.next_request()
    shown = ""
    while "25 %" not in shown:
        wait_until("it looks", node.has_request)
        peer, batch = node.next_batch()
        for header in batch:
            fields = members_listed("d", ONE, replace(TWO, state="leaving"))
            if header["type"] == "check":
                fields = checked(moving=True, movers=["n1"], moved=[1], to_move=[4])
            node.answer(peer, header["id"], **fields)
        if select.select([terminal], [], [], 0)[0]:
            shown += os.read(terminal, 10_000).decode()
    assert "\rnode2 is leaving, its data moves [#####---------------]  25 %" in shown
    node.answer(client, leave["id"], type="departed", member=asdict(LEFT))
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert (out, process.returncode) == (b"node2 has left\n", 0)
    assert os.read(terminal, 10_000).decode().endswith("\r\x1b[K")
    os.close(inside)
    os.close(terminal)


def test_a_leave_that_takes_too_long_says_how_to_look(play: Play, start: Start) -> None:
    """Status 4: it goes on, and `gossamer status` tells how far it is."""
    node = play()
    process = start("leave", "node2", "--timeout", "1", "--endpoint", node.address)
    node.next_request()
    line = process.line_with("node2 has not left yet")
    assert "no progress for 1 s" in line
    assert "`gossamer status`" in line
    assert process.wait() == 4
    assert len(process.lines) == 1


def test_nobody_leaves_by_mistake(run: Run) -> None:
    """A name that nobody has is refused, and so is to leave it open which of several nodes."""
    for command in ("leave", "forget"):
        result = run(command, "nobody")
        assert result.exit_code == 6
        assert "there is no member 'nobody'" in result.stderr
    several = run("leave", "--endpoint", "127.0.0.1:1", "--endpoint", "127.0.0.1:2")
    assert several.exit_code == 6
    assert "name the one" in several.stderr
    assert run("forget").exit_code == 2
    # As a script says it whose variable is empty.
    for command in ("leave", "forget"):
        assert run(command, "").exit_code == 6
