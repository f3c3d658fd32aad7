"""A member that leaves is followed until it has left, however long its data takes to move."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, replace
from typing import Any

import pytest
import zmq

from actors.errors import Refused, TimedOut, Unreachable
from actors.membership import Member, State
from nodes import leaving
from nodes.async_client import AsyncClient
from nodes.leaving import follow_leave
from nodes.sockets import Context
from tests.networks import DEADLINE_S, wait_until
from tests.nodes.scripted import (
    NO_FILES,
    ScriptedNode,
    background,
    checked,
    failure,
    members_listed,
)

NODE2 = Member(
    "00000000000000a2", "node2", "127.0.0.1:7200", "127.0.0.1:8200", "127.0.0.1:9200", 1, 0, "alive"
)
ASKED = Member(
    "00000000000000f1", "node1", "127.0.0.1:7100", "127.0.0.1:8100", "127.0.0.1:9100", 1, 0, "alive"
)
LATE: dict[str, Any] = {"type": "failed", "code": "timed_out", "reason": "late", "definite": False}
LEFT_ALREADY: dict[str, Any] = LATE | {"code": "refused", "reason": "gone", "definite": True}
Step = tuple[State, int, int]
"""The state of node2, and how many partitions of how many have moved."""


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that these tests are fast."""
    monkeypatch.setattr(leaving, "LOOK_EVERY_S", 0.02)


@pytest.fixture
def scripted(context: Context) -> Iterator[ScriptedNode]:
    """A node that does what the test says."""
    node = ScriptedNode(context)
    yield node
    node.close()


class Following:
    """`follow_leave`, under way in another thread, and what it has told."""

    def __init__(self, node: ScriptedNode, who: str | None, timeout_s: float) -> None:
        self.told: list[str] = []
        self.asked: list[str] = []
        self._node = node
        self.outcome: Future[Member] = background(asyncio.run, self._run(who, timeout_s))

    async def _run(self, who: str | None, timeout_s: float) -> Member:
        async with AsyncClient(self._node.address, timeout=timeout_s) as client:
            return await follow_leave(client, who, self.told.append)

    def serve(
        self,
        steps: list[Step],
        departures: list[dict[str, Any] | None],
        who: Member = NODE2,
        strays: Sequence[int] = (),
    ) -> None:
        """Answer as one node that sees a step each time it is asked, and stays with the last; each
        Leave is answered by the next of `departures`, or not."""
        step, still = steps[0], list(strays)
        while not self.outcome.done():
            wait_until("news", lambda: self.outcome.done() or self._node.has_request())
            if not self._node.has_request():
                return
            client, batch = self._node.next_batch()
            for header in batch:
                fields: dict[str, Any] | None = None
                state, moved, to_move = step
                if header["type"] == "leave":
                    self.asked.append(header["member"])
                    fields = departures.pop(0) if departures else None
                elif header["type"] == "check":
                    columns = {"movers": ["node3"], "moved": [moved], "to_move": [to_move]}
                    files = {**NO_FILES, "strays": still.pop(0) if still else 0}
                    fields = checked(**columns, files=files)
                    step = steps.pop(0) if steps else step
                else:
                    others = [member for member in (ASKED, NODE2) if member != who]
                    fields = members_listed("d", *others, replace(who, state=state))
                if fields is not None:
                    with contextlib.suppress(zmq.ZMQError):  # the client is done and gone
                        self._node.answer(client, header["id"], **fields)


def follow(node: ScriptedNode, who: str | None = "node2", timeout_s: float = 5) -> Following:
    """Begin to follow."""
    return Following(node, who, timeout_s)


def departed(state: State = "left") -> dict[str, Any]:
    """The fields of an answer to Leave."""
    return {"type": "departed", "member": asdict(replace(NODE2, state=state))}


def test_who_has_left_at_once_is_told(scripted: ScriptedNode) -> None:
    """Without a look at anything else."""
    following = follow(scripted)
    scripted.answer_next(departed())
    assert following.outcome.result(DEADLINE_S).state == "left"
    assert following.told == []


def test_that_files_are_handed_over_is_told(scripted: ScriptedNode) -> None:
    """Before the keys; that there are less is progress."""
    following = follow(scripted)
    steps: list[Step] = [("leaving", 0, 0), ("leaving", 0, 0), ("left", 0, 0)]
    following.serve(steps, [], strays=[1_200, 7])
    assert following.outcome.result(DEADLINE_S) == replace(NODE2, state="left")
    assert following.told[:2] == [
        "node2 is leaving, 1,200 chunks of files are to be moved",
        "node2 is leaving, 7 chunks of files are to be moved",
    ]


def test_progress_is_told_until_it_has_left(scripted: ScriptedNode) -> None:
    """The answer never comes; others say how far its data is, and at last that it has left."""
    following = follow(scripted)
    steps: list[Step] = [("alive", 0, 0), ("leaving", 0, 0)]
    steps += [("leaving", 10, 40), ("leaving", 40, 40), ("left", 0, 0)]
    following.serve(steps, [])
    assert following.outcome.result(DEADLINE_S) == replace(NODE2, state="left")
    assert following.told == [
        "node2 is alive",
        "node2 is leaving",
        "node2 is leaving, its data moves [#####---------------]  25 %",
        "node2 is leaving, its data moves [####################] 100 %",
    ]
    assert following.asked == ["node2"]


def test_the_answer_counts_while_nothing_else_is_answered(scripted: ScriptedNode) -> None:
    """Nobody waits for a look at how far it is once it has left."""
    following = follow(scripted)
    client, leave = scripted.next_request()
    scripted.next_batch()
    scripted.answer(client, leave["id"], **departed())
    assert following.outcome.result(DEADLINE_S).state == "left"


@pytest.mark.parametrize("second", [departed(), LEFT_ALREADY], ids=["departed", "refused"])
def test_who_has_not_left_in_time_is_asked_again(
    scripted: ScriptedNode, second: dict[str, Any]
) -> None:
    """The second time it has left, or had left already."""
    following = follow(scripted)
    steps: list[Step] = [("leaving", n, 40) for n in range(4)]
    steps += [("left" if second is LEFT_ALREADY else "leaving", 40, 40)]
    following.serve(steps, [LATE, second])
    assert following.outcome.result(DEADLINE_S).state == "left"
    assert set(following.asked) == {"node2"}


def test_without_progress_it_times_out(scripted: ScriptedNode) -> None:
    """It may leave yet: the reason says so, and where to look."""
    following = follow(scripted, timeout_s=0.4)
    following.serve([("leaving", 10, 40)], [])
    error = failure(following.outcome)
    assert isinstance(error, TimedOut)
    assert not error.definite
    assert "node2 has not left yet, and there was no progress for 0.4 s" in str(error)
    assert "gossamer status" in str(error)


def test_what_is_refused_is_refused(scripted: ScriptedNode) -> None:
    """As long as it has not left."""
    following = follow(scripted)
    following.serve([("alive", 0, 0)], [LEFT_ALREADY])
    assert isinstance(failure(following.outcome), Refused)


def test_what_keeps_it_from_leaving_is_told_when_there_is_no_progress(
    scripted: ScriptedNode,
) -> None:
    """It was told to, and then it did not: with its reason."""
    following = follow(scripted, timeout_s=0.4)
    following.serve([("alive", 0, 0)], [LATE, *[LEFT_ALREADY] * 100])
    assert isinstance(failure(following.outcome), Refused)
    assert len(following.asked) > 2


def test_the_node_that_is_asked_may_be_the_one(scripted: ScriptedNode) -> None:
    """It is known by what it says of itself."""
    following = follow(scripted, None)
    steps: list[Step] = [("leaving", 1, 2), ("leaving", 2, 2), ("left", 0, 0)]
    following.serve(steps, [], ASKED)
    assert following.outcome.result(DEADLINE_S) == replace(ASKED, state="left")
    assert following.asked == [""]


def test_where_nobody_answers_any_more_it_times_out(scripted: ScriptedNode) -> None:
    """Who was told to leave may have left; who was never told has not."""
    following = follow(scripted, timeout_s=0.4)
    scripted.next_request()
    scripted.close()
    assert isinstance(failure(following.outcome), TimedOut)
    never = follow(scripted, timeout_s=0.4)
    assert isinstance(failure(never.outcome), Unreachable)
