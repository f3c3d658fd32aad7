"""A key of a client that is denied: shared with every node, out of reach of who may only share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import HOST, Envelope
from actors.denials import PREFIX, denied_in
from actors.messages import DeniedKeys, Deny, Failed, ListShared, Message, Share, Shared, Tell
from tests.actors.envelopes import B, Turns, client, member, message, messages, to
from tests.actors.gossipers import NET, belonging, from_peer, remembered
from tests.actors.shared_tables import Node, entry, limited, share

OTHER = member(B)
DENY = Deny("writer-17", True, 1_000)
OWN = f"{PREFIX}writer-17"


def ask(node: Turns, request: Message, number: int = 1) -> list[Envelope]:
    """A client's request, and all that comes of it once the disk has what it needs."""
    out = node.take(to("gossiper", request, client(), number))
    return out + remembered(node, out)


def denied(out: list[Envelope]) -> list[tuple[str, ...]]:
    """What the node is told, each time."""
    return [told.keys for told in messages([e for e in out if e.to.actor == HOST], DeniedKeys)]


def test_a_denied_key_is_told_to_the_node_once_it_is_on_the_disk() -> None:
    """Not before: what was answered stays so when the node starts again."""
    node = belonging(OTHER)
    out = node.take(to("gossiper", DENY, client(), 1))
    assert denied(out) == []
    out = remembered(node, out)
    assert denied(out) == [("writer-17",)]
    assert messages(out, Shared)


def test_a_key_that_is_allowed_again_is_told_too() -> None:
    """What was denied and allowed twice is told no more than four times."""
    node = belonging(OTHER)
    told = []
    for number, is_denied in enumerate((True, True, False, False), 1):
        told += denied(ask(node, replace(DENY, denied=is_denied), number))
    assert told == [("writer-17",), ()]


def test_what_another_node_was_told_counts_here() -> None:
    """By a rumour or by comparing notes."""
    node = belonging(OTHER)
    out = node.take(from_peer(Tell(NET, (), (entry(OWN, "true"),)), B, 0))
    out += remembered(node, out)
    assert denied(out) == [("writer-17",)]


@pytest.mark.parametrize("key", ["", "writer", "node", "admin-0", "writer-4097", "x" * 1_000])
def test_what_is_no_key_of_a_client_is_not_denied(key: str) -> None:
    """That is said, in a sentence of bounded length."""
    failed = message(ask(belonging(OTHER), Deny(key, True, 1_000)), Failed)
    assert (failed.code, failed.definite) == ("refused", True)
    assert len(failed.reason) < 120


@pytest.mark.parametrize("kind", ["json", "absent"])
def test_nobody_shares_under_the_names_of_the_network(kind: str) -> None:
    """Neither to deny by it, nor to allow what was denied."""
    node = belonging(OTHER)
    ask(node, DENY)
    request = Share(OWN, kind, b"true" if kind == "json" else b"", 1_000)  # type: ignore[arg-type]
    out = ask(node, request, 2)
    assert message(out, Failed).code == "bad_key"
    assert denied(out) == []


def test_denied_keys_are_listed_for_who_asks_for_them() -> None:
    """Among what programs share they would only be in the way."""
    node = Node()
    node.share("a")
    node.share(OWN, "true")
    node.share("z")
    assert list(node.values()) == ["a", "z"]
    assert list(node.values("g")) == []
    assert list(node.values("gossamer/")) == [OWN]
    assert list(node.values(PREFIX)) == [OWN]
    assert node.table.denied_keys() == ("writer-17",)


def test_a_denial_needs_no_room() -> None:
    """Where nothing more may be shared, here or at all, a key still can be denied."""
    node = limited(max_shared_keys=1, max_shared_entries=2)
    node.share("a")
    node.share("b", None)
    assert node.table.refusal(share("c", "1")) is not None
    node.share(OWN, "true")
    assert node.hear(entry(f"{PREFIX}reader-1", "true")) == ()
    assert node.table.denied_keys() == ("reader-1", "writer-17")


def test_a_denial_takes_no_room_from_others() -> None:
    """Also one that was taken back, and after the node was started again."""
    node = limited(max_shared_keys=1, max_shared_entries=1)
    node.share(OWN, "true")
    node.share(f"{PREFIX}reader-1", None)
    node.restart()
    node.share("a")
    assert node.values() == {"a": b"1"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"{PREFIX}writer-17", "1"),
        (f"{PREFIX}writer-4097", "true"),
        (f"{PREFIX}admin-0", "true"),
        (f"{PREFIX}", "true"),
        ("gossamer/", "true"),
        ("gossamer/else", "true"),
    ],
)
def test_only_denials_that_can_be_are_believed(key: str, value: str) -> None:
    """There are some 12,000 of them: they need no other bound."""
    node = Node()
    assert node.hear(entry(key, value)) == ("no such shared value can be",)
    assert node.table.denied_keys() == ()


def test_what_is_denied_is_on_the_disk() -> None:
    """A node knows it before it opens a port."""
    node = Node()
    node.share(OWN, "true")
    node.share(f"{PREFIX}reader-1", "true")
    node.share(f"{PREFIX}reader-1", None)
    node.share("a")
    assert denied_in(node.disk) == ("writer-17",)


def test_a_client_may_ask_which_keys_are_denied() -> None:
    """As for what is shared, under the prefix of theirs."""
    node = belonging(OTHER)
    ask(node, DENY)
    page = ask(node, ListShared(PREFIX, ""), 2)
    assert "writer-17" in str(page[-1].message)
