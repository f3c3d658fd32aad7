"""What people ask the router: is all replicated, may the node be stopped, and where is a key?"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1

import pytest

from actors.actor import Address, Envelope, reply
from actors.checking import NO_FILES
from actors.layout import Layout, Placement
from actors.messages import (
    AskFiles,
    AskReport,
    Check,
    Checked,
    Explain,
    Explained,
    FilesReport,
    Inspect,
    Inspected,
    Report,
    RingShown,
    ShowRing,
)
from actors.ring import PARTITIONS, partition_of
from actors.versions import NEVER, Record
from tests.actors.coordinators import (
    NAMES,
    D,
    E,
    coordinator,
    layout_is,
    members_changed,
    nodes,
    sent,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    client,
    message,
    record,
    the,
    to,
    tombstone,
)

CHECK = to("router", Check(10_000), client(), 5)
EXPLAIN = to("router", Explain("k", 10_000), client(), 5)


def lacking(*partitions: int) -> str:
    """That a replica may lack something of these, as it is told."""
    return f"{sum(1 << (PARTITIONS - 1 - p) for p in partitions):01024x}"


def report(
    asked: Envelope,
    behind: str = "",
    moving: int = 0,
    moved: int = 0,
    hinted: Sequence[str] = (),
) -> Envelope:
    """A member tells how it does; it has seven hints for each member that is named."""
    hints = (7,) * len(hinted)
    return reply(asked, Report(1, behind, moving, moved, tuple(hinted), hints))


def inspected(asked: Envelope, held: Record | None, *hinted: str) -> Envelope:
    """A member tells what it holds of a key, and for whom it has hints of it."""
    if held is None:
        return reply(asked, Inspected(1, "absent", NEVER, 0, 0, hinted))
    size_bytes = len(held.value)
    return reply(asked, Inspected(1, held.kind, held.stamp, held.expires_ms, size_bytes, hinted))


def ask(node: Turns, files: FilesReport = NO_FILES) -> list[Envelope]:
    """A client asks, and all file servers have told how they do; what the storages are asked."""
    out = node.take(CHECK)
    asked = [e for e in out if isinstance(e.message, AskFiles)]
    assert node.take(*(reply(e, files) for e in asked)) == []
    return [e for e in out if e not in asked]


def checked(node: Turns, **reports: str) -> Checked:
    """What comes of it when the members named here lack this, and the others are silent."""
    out = ask(node)
    for name, behind in reports.items():
        out += node.take(report(sent(out, name * 16, AskReport), behind))
    return message(out + node.run_for(2_000), Checked)


# Is all replicated?


def test_every_member_is_asked_how_it_does() -> None:
    """While data moves those that are to be members too."""
    out = coordinator(moving_to=(C, D, E), epoch=3).take(CHECK)
    assert {(e.to, e.message) for e in out} == {
        (Address(n, actor), question)
        for n in (A, B, C, D, E)
        for actor, question in (("storage", AskReport(3)), ("fileserver", AskFiles(3)))
    }


def test_three_members_without_gaps_are_well() -> None:
    """Any of them may be stopped; who asked is told."""
    node = coordinator(epoch=3)
    out = ask(node)
    out = [e for n in (A, B, C) for e in node.take(report(sent(out, n, AskReport)))]
    answer = the(out, Checked)
    assert (answer.to, answer.id) == (client(), 5)
    assert answer.message == Checked(3, 3, False, 0, 0, True, (), (), (), (), (), (), (), NO_FILES)


def test_who_is_silent_does_not_count_as_well() -> None:
    """After two seconds at most: every partition lacks a copy, and this node cannot go too."""
    node = coordinator()
    told = checked(node, a="", b="")
    assert node.now_ms <= 2_000
    assert (told.under_replicated, told.without_quorum) == (PARTITIONS, 0)
    assert told.silent == (NAMES[C],)
    assert not told.safe_to_stop
    assert told.reasons == (
        "4,096 of its partitions would be left without a quorum of complete copies",
    )


def test_who_is_down_is_silent_and_not_waited_for() -> None:
    """The answer comes at once when the others have theirs."""
    node = coordinator(down=(C,))
    out = ask(node)
    assert nodes(out, AskReport) == [A, B]
    out = node.take(*(report(e) for e in out))
    assert message(out, Checked).silent == (NAMES[C],)


def test_a_member_that_falls_meanwhile_is_silent() -> None:
    """It is not waited for any longer."""
    node = coordinator()
    out = ask(node)
    node.take(*(report(sent(out, n, AskReport)) for n in (A, B)))
    assert message(node.take(members_changed(down=(C,))), Checked).silent == (NAMES[C],)


def test_a_partition_without_a_quorum_is_counted() -> None:
    """Two of three members are silent."""
    told = checked(coordinator(), a="")
    assert (told.under_replicated, told.without_quorum) == (PARTITIONS, PARTITIONS)


def test_a_copy_that_may_lack_something_is_not_complete() -> None:
    """Its partitions are counted, once each, by the bits that it tells."""
    told = checked(coordinator(), a=lacking(0, 7), b=lacking(7, 4095), c="")
    assert (told.under_replicated, told.without_quorum) == (3, 0)
    assert told.reasons == (
        "2 of its partitions would be left without a quorum of complete copies",
    )


@pytest.mark.parametrize("nonsense", ["zz", "-1", "0x1", "1_0", " 1"])
def test_a_report_that_cannot_be_read_is_no_good_news(nonsense: str) -> None:
    """Its member counts as lacking everything."""
    told = checked(coordinator(), a="", b="", c=nonsense)
    assert (told.under_replicated, told.silent) == (PARTITIONS, ())


def test_a_member_alone_cannot_be_stopped() -> None:
    """There is nobody else."""
    told = checked(coordinator(A), a="")
    assert (told.under_replicated, told.reasons) == (0, ("it is the only member",))


def test_a_node_that_keeps_nothing_may_be_stopped() -> None:
    """It is not among the members."""
    told = checked(coordinator(B, C, D), b="", c="", d="")
    assert (told.members, told.safe_to_stop) == (3, True)


def test_data_that_moves_is_told() -> None:
    """Who has got how much of it; nobody should be stopped then."""
    node = coordinator(moving_to=(C, D, E))
    out = ask(node)
    for n in (A, B, C):
        assert node.take(report(sent(out, n, AskReport))) == []
    node.take(report(sent(out, D, AskReport), moving=40, moved=7))
    told = message(node.take(report(sent(out, E, AskReport), moving=50)), Checked)
    assert (told.members, told.moving) == (5, True)
    assert told.movers == (NAMES[D], NAMES[E])
    assert (told.to_move, told.moved) == ((40, 50), (7, 0))
    assert told.reasons == ("data is moving to new owners",)


def test_while_data_moves_a_quorum_of_both_is_one() -> None:
    """Without the new owners there is none, though all the old ones are there."""
    told = checked(coordinator(moving_to=(C, D, E)), a="", b="", c="")
    assert told.without_quorum == PARTITIONS


def test_hints_are_summed_by_the_member_that_they_are_for() -> None:
    """A node that could hand some over should do so before it is stopped."""
    node = coordinator()
    out = ask(node)
    node.take(report(sent(out, A, AskReport), hinted=[C]))
    node.take(report(sent(out, B, AskReport), hinted=[C, D]))
    told = message(node.take(report(sent(out, C, AskReport))), Checked)
    assert (told.hinted, told.hints) == ((NAMES[C], NAMES[D]), (14, 7))
    assert told.reasons == (f"it still has to hand over writes to {NAMES[C]}",)


def test_hints_for_who_is_down_are_no_reason_to_wait() -> None:
    """They cannot be handed over now."""
    node = coordinator(B, C, D, A, down=(C,))
    out = ask(node)
    node.take(report(sent(out, A, AskReport), hinted=[C]))
    told = message(node.take(*(report(sent(out, n, AskReport)) for n in (B, D))), Checked)
    assert not any("hand over" in reason for reason in told.reasons)


def test_a_check_begins_again_in_another_epoch() -> None:
    """What was told of the layout before does not count."""
    node = coordinator()
    out = ask(node)
    node.take(*(report(sent(out, n, AskReport)) for n in (A, B)))
    again = node.take(layout_is(2, A, B, D))
    assert nodes(again, AskReport) == [A, B, D]
    files = [reply(e, NO_FILES) for e in again if isinstance(e.message, AskFiles)]
    storages = [report(e) for e in again if isinstance(e.message, AskReport)]
    told = message(node.take(*storages, *files), Checked)
    assert (told.epoch, told.silent) == (2, ())


# Where is a key?


def test_a_key_is_explained() -> None:
    """Its place, its owners in the order of preference, and what each of them holds."""
    node = coordinator(epoch=3)
    out = node.take(EXPLAIN)
    assert {(e.to, e.message) for e in out} == {
        (Address(n, "storage"), Inspect("k")) for n in (A, B, C)
    }
    held = {A: record("k", 7, b"abc", expires_ms=99), B: tombstone("k", 9), C: None}
    told = the(node.take(*(inspected(sent(out, n, Inspect), held[n]) for n in held)), Explained)
    assert (told.to, told.id) == (client(), 5)
    order = Placement(Layout(3, (A, B, C), (), ())).owners(partition_of("k"))
    names = tuple(NAMES[n] for n in order)
    versions = {A: str(record("k", 7).stamp), B: str(record("k", 9).stamp), C: ""}
    assert told.message == Explained(
        sha1(b"k").hexdigest(),
        partition_of("k"),
        3,
        names,
        (),
        names,
        tuple("ok" if n == A else "not_found" for n in order),
        tuple("bytes" if n == A else "absent" for n in order),
        tuple(versions[n] for n in order),
        tuple(99 if n == A else 0 for n in order),
        tuple(3 if n == A else 0 for n in order),
        (),
    )


def test_an_owner_that_does_not_answer_is_unavailable() -> None:
    """The others are told of all the same, after two seconds at most."""
    node = coordinator(down=(C,))
    out = node.take(EXPLAIN)
    assert nodes(out, Inspect) == [A, B]
    node.take(inspected(sent(out, A, Inspect), record("k", 7)))
    told = message(node.run_for(2_000), Explained)
    assert dict(zip(told.replicas, told.codes, strict=True)) == {
        NAMES[A]: "ok",
        NAMES[B]: "unavailable",
        NAMES[C]: "unavailable",
    }


def test_hints_of_the_key_are_told_whoever_has_them() -> None:
    """Each member once for whom one waits somewhere."""
    node = coordinator(A, B, C, D)
    out = node.take(EXPLAIN)
    assert nodes(out, Inspect) == [A, B, C, D]
    hinted = {A: (C,), B: (), C: (), D: (C, B)}
    told = node.take(*(inspected(sent(out, n, Inspect), None, *hinted[n]) for n in hinted))
    assert message(told, Explained).hinted == (NAMES[C], NAMES[B])


def test_a_key_that_moves_has_new_owners() -> None:
    """Its replicas are those of both."""
    node = coordinator(moving_to=(C, D, E))
    out = node.take(EXPLAIN)
    told = message(node.take(*(inspected(e, None) for e in all_of(out, Inspect))), Explained)
    assert {*told.owners} == {NAMES[n] for n in (A, B, C)}
    assert {*told.new_owners} == {NAMES[n] for n in (C, D, E)}
    assert {*told.replicas} == {*told.owners, *told.new_owners}
    assert len(told.replicas) == len(told.codes) == 5


# Files.


def test_what_all_keep_of_files_is_counted_together() -> None:
    """A node should not be stopped while others lack copies, or it keeps some for them."""
    node = coordinator()
    out = ask(node, FilesReport(10, 1_000, 2, 1, 3, 4, 5, 6, 7))
    told = message(node.take(*(report(e) for e in out)), Checked)
    assert told.files == FilesReport(30, 3_000, 6, 3, 9, 12, 15, 18, 21)
    assert not told.safe_to_stop
    assert told.reasons == (
        "6 copies of chunks of files are still to be made",
        "it keeps 1 chunks for others until they have them",
    )


def test_a_node_without_chunks_need_not_stay_for_them() -> None:
    """Others make the copies that are missing."""
    node = coordinator()
    out = ask(node, FilesReport(0, 0, 2, 0, 0, 0, 0, 0, 0))
    assert message(node.take(*(report(e) for e in out)), Checked).safe_to_stop


def test_a_file_server_that_is_silent_is_waited_for_no_longer_than_others() -> None:
    """What it keeps is not counted, and nobody knows whether the node may be stopped."""
    node = coordinator()
    out = node.take(CHECK)
    storages = [e for e in out if isinstance(e.message, AskReport)]
    assert node.take(*(report(e) for e in storages)) == []
    told = message(node.run_for(2_000), Checked)
    assert told.files == NO_FILES
    assert not told.safe_to_stop
    names = ", ".join(NAMES[n] for n in (A, B, C))
    assert told.reasons == (f"the file servers of {names} have not answered in time",)


# Who owns what, and how it is.


def shown(node: Turns, **reports: str) -> RingShown:
    """What is shown of the ring when those named here lack this, and the others are silent."""
    out = node.take(to("router", ShowRing(10_000), client(), 5))
    assert all_of(out, AskFiles) == []
    answers = [report(sent(out, name * 16, AskReport), lacks) for name, lacks in reports.items()]
    out = node.take(*answers)
    return message(out or node.run_for(3_000), RingShown)


def test_the_ring_is_shown_with_how_each_partition_is() -> None:
    """Which have an owner that may lack something; the layout says who owns what."""
    told = shown(coordinator(), a=lacking(0, 7), b=lacking(7, 4095), c="")
    assert told == RingShown(Layout(1, (A, B, C), (), ()), lacking(0, 7, 4095), lacking(), ())


def test_the_ring_is_shown_with_what_is_unavailable_and_who_is_silent() -> None:
    """Two of three members do not answer: there is no quorum of anything."""
    everything = lacking(*range(PARTITIONS))
    assert shown(coordinator(), a="") == RingShown(
        Layout(1, (A, B, C), (), ()), everything, everything, (B, C)
    )


def test_of_those_that_have_gone_only_the_lost_are_shown() -> None:
    """They still have places; who left in order has none, and there may be thousands of them."""
    node = coordinator()
    node.take(layout_is(2, A, B, C, gone=(D, C)))
    told = shown(node, a="", b="")
    assert told.layout == Layout(2, (A, B, C), (), (C,))


def test_what_was_judged_before_is_judged_anew_when_a_member_lacks_something_else() -> None:
    """Whatever was asked last."""
    node = coordinator()
    assert checked(node, a=lacking(1), b="", c="").under_replicated == 1
    assert checked(node, a="", b="", c="").under_replicated == 0
    assert shown(node, a="", b=lacking(3), c="").behind == lacking(3)
