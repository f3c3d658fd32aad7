"""The list of members that clients are told of: it may be long, so each version is made once."""

from __future__ import annotations

from actors.membership import Members, digest_of
from actors.messages import MembersListed


class Listed:
    """Over the list of members; `network` is empty until the node belongs to one."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._made: MembersListed | None = None
        self._version = 0
        self.network = ""

    def listing(self) -> MembersListed:
        """The list as it is."""
        made, version = self._made, self._members.version
        if made is None or self._version != version or made.network != self.network:
            shown = self._members.shown()
            self._made = made = MembersListed(self.network, digest_of(shown), shown)
            self._version = version
        return made
