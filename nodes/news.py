"""What a node's actors tell of the network as a whole: kept for whoever asks, and logged where it
changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from structlog.typing import FilteringBoundLogger

from actors.layout import NO_LAYOUT, Layout
from actors.membership import Member
from actors.messages import Alarm, Elsewhere, MembersChanged, Noted

STAYS = (
    "this node belongs to a network for good, and that address is in another: take it out of "
    "--join, or let this node leave (gossamer leave) and join there with an empty data folder"
)


class News:
    """Members are told of in the gossiper's thread and layouts in the storage's; any may read.
    Without a `network` the node does not serve yet, and `waiting` says why."""

    def __init__(self) -> None:
        self.network = ""
        self.waiting = "it has not been started"
        self.members: Mapping[str, Member] = {}
        self.layout = NO_LAYOUT

    def on_members(self, changed: MembersChanged, me: Member, log: FilteringBoundLogger) -> None:
        """These are the members now, `me` being the node's own record when it started."""
        is_first = bool(changed.network) and not self.network
        self.waiting = changed.waiting
        self.network = changed.network
        if not changed.network:
            log.info("waiting", reason=changed.waiting)
            return
        if is_first:
            number = len(changed.members)
            log.info("ready", address=me.address, network=changed.network, members=number)
        known, self.members = self.members, {m.id: m for m in changed.members}
        if not known:
            # The storage had it on the disk before the gossiper told of anybody.
            self._log_layout(log)
        for member in changed.members:
            if member != known.get(member.id) and member.id != me.id:
                say = log.warning if member.state in ("suspect", "dead") else log.info
                say(f"member_{member.state}", member=member.name, address=member.address)
        for member in known.values():
            if member.id not in self.members:
                log.warning("member_left", member=member.name, address=member.address)

    def on_layout(self, layout: Layout, log: FilteringBoundLogger) -> None:
        """This is the layout on the disk."""
        self.layout = layout
        if self.members:
            self._log_layout(log)

    def on_word(self, word: Alarm | Elsewhere | Noted, log: FilteringBoundLogger) -> None:
        """Something that a person is to know, and to mend if it is wrong."""
        match word:
            case Alarm(reason):
                log.error("alarm", reason=reason)
            case Elsewhere(address, other, network):
                where = {"address": address, "other_network": other, "network": network}
                log.warning("join_ignored", reason=STAYS, **where)
            case Noted(what):
                log.info("noted", what=what)

    def _log_layout(self, log: FilteringBoundLogger) -> None:
        """By names, so not before they are known."""
        layout, names = self.layout, {id: member.name for id, member in self.members.items()}
        fields = {"epoch": layout.epoch, "members": sorted(names.get(m, m) for m in layout.voters)}
        if layout.next:
            fields["moving_to"] = sorted(names.get(m, m) for m in layout.next)
        if layout.lost:
            fields["given_up"] = sorted(names.get(m, m) for m in layout.lost)
        log.info("layout", **fields)
