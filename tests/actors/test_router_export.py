"""Records are handed out as they are, in pages, each read from a quorum of its owners."""

from __future__ import annotations

from collections.abc import Sequence

from actors.actor import Envelope
from actors.messages import Export, Exported, Failed, Fetch, Scan
from actors.router_settings import RouterSettings
from actors.spaces import OWN, file_key
from actors.versions import Record
from tests.actors.coordinators import coordinator, fetched, scanned, sent
from tests.actors.envelopes import A, B, Turns, all_of, client, message, record, to, tombstone


def export(after: str = "", limit: int = 100) -> Envelope:
    """An admin asks for a page."""
    return to("router", Export(after, limit, 5_000), client(), 1)


def exported(
    node: Turns, held: Sequence[Record], request: Envelope | None = None, *, more: bool = False
) -> list[Envelope]:
    """A page of which two owners hold these: what is sent in the end."""
    out = node.take(request or export())
    keys = [r.key for r in held]
    out = node.take(*[scanned(sent(out, n, Scan), *keys, more=more) for n in (A, B)])
    if not all_of(out, Fetch):
        return out
    return node.take(*[fetched(sent(out, n, Fetch), *held) for n in (A, B)])


def test_a_page_has_all_that_is_known_of_each_key() -> None:
    """Its kind, value, version and expiry."""
    held = [record("a", 1, b"1", "json"), record("b", 2, b"raw", expires_ms=10**15)]
    assert message(exported(coordinator(), held), Exported) == Exported(
        ("a", "b"),
        ("json", "bytes"),
        (b"1", b"raw"),
        tuple(str(r.stamp) for r in held),
        (0, 10**15),
        "",
    )


def test_a_page_without_keys_is_the_last() -> None:
    """There is nothing to be read."""
    out = exported(coordinator(), [])
    assert message(out, Exported) == Exported((), (), (), (), (), "")


def test_more_than_a_page_is_gone_on_with_after_its_last_key() -> None:
    """As with lists."""
    held = [record("a", 1), record("b", 1)]
    node = coordinator()
    assert message(exported(node, held, more=True), Exported).cursor == "b"
    out = node.take(export("b"))
    assert str(sent(out, A, Scan).message) == str(Scan(1, "", "b", 100))


def test_what_does_not_fit_is_left_to_the_next_page() -> None:
    """A page ends where its reply is large enough."""
    node = coordinator(settings=RouterSettings(max_reply_bytes=250))
    held = [record(key, 1, b"x" * 100) for key in "abcd"]
    told = message(exported(node, held), Exported)
    assert (told.keys, told.cursor) == (("a", "b"), "b")


def test_a_key_that_is_gone_meanwhile_is_left_out() -> None:
    """It was there when the keys were listed."""
    held = [record("a", 1), tombstone("b", 2), record("c", 3)]
    assert message(exported(coordinator(), held), Exported).keys == ("a", "c")


def test_keys_are_those_of_clients() -> None:
    """Also those that look like the network's own; manifests are none of them."""
    own = record(OWN + OWN + "x", 1)
    told = message(exported(coordinator(), [own], more=True), Exported)
    assert (told.keys, told.cursor) == ((OWN + "x",), OWN + "x")
    out = coordinator().take(export(after=OWN + "x"))
    assert str(sent(out, A, Scan).message) == str(Scan(1, "", OWN + OWN + "x", 100))
    assert not file_key("x").startswith(OWN + OWN)


def test_a_key_that_cannot_be_read_fails_the_page() -> None:
    """A backup lacks nothing in silence."""
    node = coordinator()
    out = node.take(export())
    out = node.take(*[scanned(sent(out, n, Scan), "a", "b") for n in (A, B)])
    failed = message(node.run_for(6_000), Failed)
    assert (failed.code, failed.definite) == ("timed_out", True)
    assert failed.reason == "2 of 2 keys could not be read"


def test_a_page_that_cannot_be_listed_fails() -> None:
    """Too few members are there."""
    node = coordinator()
    node.take(export())
    assert message(node.run_for(6_000), Failed).code == "timed_out"
