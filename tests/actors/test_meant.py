"""Whom people mean by a name, an id or a host, and what they are told when that is nobody."""

from __future__ import annotations

from actors.meant import host_of, meant, why_none
from tests.actors.envelopes import B, C, member

FOUR, FIVE = member(B, name="four:7100"), member(C, name="five")


def test_a_name_and_an_id_come_before_a_host() -> None:
    """And a name without a port has no host, nor is nothing one."""
    assert meant("four:7100", [FOUR, FIVE]) == meant(B, [FOUR, FIVE]) == (FOUR,)
    assert meant("four", [FOUR, FIVE]) == (FOUR,)
    assert meant("four", [FOUR, member(C, name="four")]) == (member(C, name="four"),)
    assert meant("", [FOUR, FIVE]) == meant("7100", [FOUR, FIVE]) == ()


def test_the_host_of_a_name() -> None:
    """Of an IPv6 address too."""
    hosts = {"one:7100": "one", "[::1]:7100": "[::1]", "node1": "", "a:b": "", ":7100": ""}
    assert {name: host_of(name) for name in hosts} == hosts


def test_who_named_nobody_is_told_who_is_there() -> None:
    """All of a few; of many those whose names are most like that."""
    assert why_none("six", [FOUR]) == "there is no member 'six'; the members are four:7100"
    many = [member(f"{n:016x}", name=f"node{n}") for n in range(1, 31)]
    said = why_none("nod17", many)
    assert said.startswith("there is no member 'nod17'; of 30 the nearest are node17, ")
    assert len(why_none("x" * 1_000_000, many)) < 200
