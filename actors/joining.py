"""Who begins a network, when all nodes are fresh and each was told to join the others; and whom
a network that there is lets in.

The lowest address of a node's own list (itself included) founds, and only once every other node on
the list has durably promised to follow it. A promise is given once. So two nodes that list each
other can never both found: each would need the other's promise, and gave its own to itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.membership import Member, Members, fault
from actors.messages import Bind, Failed, Join, Message


class Joining:
    """What a fresh node knows of the addresses on its list. `bound_to` is its own promise."""

    def __init__(self, me: Member, join: Sequence[str], bound_to: str) -> None:
        self._me = me
        self._listed = tuple(dict.fromkeys(join))
        self._aliases = {me.address}
        self._promises: dict[str, tuple[str, Member]] = {}
        self._silent: set[str] = set(self._listed)
        self._asked: dict[int, str] = {}
        self._faults: dict[str, str] = {}
        self.bound_to = bound_to

    def peers(self) -> list[str]:
        """The listed addresses that are not this node's own."""
        return [a for a in self._listed if a not in self._aliases]

    def lowest(self) -> str:
        """The address that is to found: in the form in which it is listed, if it is."""
        own = [a for a in self._listed if a in self._aliases] or [self._me.address]
        return min(own + self.peers(), key=_order)

    def founds(self) -> bool:
        """Is it this node that is to found?"""
        return self.lowest() in self._aliases

    def should_bind_itself(self) -> bool:
        """A founder gives its own promise to itself before it asks for others'. Until all have
        answered it may not know which of the listed addresses are its own, so who is to found."""
        return self.founds() and not self.bound_to and not self._silent_peers()

    def may_found(self) -> bool:
        """Have all promised, this node included?"""
        return self._asks_to_be_followed() and all(
            self._promise(a) == self._me.address for a in self.peers()
        )

    def followers(self) -> tuple[Member, ...]:
        """Who promised to follow this node: the first members. Of two with one name only the first
        is among them; the other will ask to be let in, and be told."""
        by_name = {self._me.name: self._me}
        for address in self.peers():
            member = self._promises[address][1]
            by_name.setdefault(member.name, member)
        return tuple(m for m in by_name.values() if m.id != self._me.id)

    def _asks_to_be_followed(self) -> bool:
        # However others list it, a node is followed under the address by which members know it.
        return self.founds() and self.bound_to == self._me.address

    def _silent_peers(self) -> list[str]:
        return [a for a in self.peers() if a in self._silent]

    def _promise(self, address: str) -> str:
        return self._promises[address][0] if address in self._promises else ""

    def requests(self) -> list[tuple[str, Message]]:
        """What to ask of each address now."""
        asks: list[tuple[str, Message]] = [(a, Join(self._me)) for a in self.peers()]
        if self._asks_to_be_followed():
            asks += [(a, Bind(self._me.address)) for a in self.peers()]
        return asks

    def asked(self, number: int, address: str) -> None:
        """Request `number` was sent to `address`."""
        self._asked[number] = address
        while len(self._asked) > 1_000:
            del self._asked[next(iter(self._asked))]

    def address_asked(self, number: int) -> str:
        """Where request `number` was sent, or empty."""
        return self._asked.get(number, "")

    def found_alias(self, number: int) -> None:
        """Request `number` arrived at this very node."""
        address = self._asked.get(number)
        if address is not None:
            self._aliases.add(address)

    def answered(self, number: int) -> None:
        """A fresh node answered request `number`."""
        address = self._asked.get(number)
        if address is not None:
            self._silent.discard(address)

    def promised(self, number: int, bound_to: str, member: Member) -> None:
        """A fresh node answered with the promise that it has on its disk."""
        address = self._asked.get(number)
        if address is not None:
            self._silent.discard(address)
            self._promises[address] = bound_to, member

    def bounced(self, number: int, why: str) -> None:
        """Request `number` could not be sent; `why`, if it is more than that nobody is there."""
        address = self._asked.get(number)
        if address is not None:
            self._silent.add(address)
            self._faults[address] = why

    def may_follow(self, number: int, members: Sequence[Member]) -> bool:
        """May this node join the network that the answer to request `number` offers? One that made
        no promise, or made it to itself, may; else only where the founder it promised to is."""
        if not self.bound_to or self.bound_to in self._aliases:
            return True
        return self._asked.get(number) == self.bound_to or any(
            m.address == self.bound_to for m in members
        )

    def waiting_for(self) -> str:
        """One sentence for whoever looks at the log."""
        silent = self._silent_peers()
        elsewhere = [
            f"{a} follows {self._promise(a)}"
            for a in self.peers()
            if self._promise(a) not in ("", self._me.address)
        ]
        if elsewhere:
            return f"waiting to begin a network, but {', '.join(elsewhere)}"
        if silent:
            faults = [f"; {why}" for a in silent if (why := self._faults.get(a))]
            return f"waiting for {', '.join(silent)} to answer{''.join(faults)}"
        if self.founds():
            return f"waiting for {', '.join(self.peers())} to promise to follow this node"
        return f"waiting for {self.bound_to or self.lowest()} to begin the network"


def refusal(newcomer: Member, members: Members) -> Failed | None:
    """Why these members do not let a newcomer in, if so."""
    wrong = fault(newcomer)
    if wrong:
        return Failed("refused", wrong, True)
    holder = members.holder_of_name(newcomer.name)
    # Who holds the name at the very address where the newcomer listens now has lost its folder.
    if holder is not None and holder.id != newcomer.id and holder.address != newcomer.address:
        reason = (
            f"the name {newcomer.name!r} is in use by a member at {holder.address}: "
            "give this node another --name, or stop that one first"
        )
        return Failed("name_taken", reason, True)
    if not members.has_room_for(newcomer.id):
        return Failed("refused", f"the network has {len(members):,} members", True)
    return None


def _order(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
