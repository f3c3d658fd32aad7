"""Is this node's wall clock off? The others' tell: half of them are not wrong at once."""

from __future__ import annotations

from actors.actor import Now

MAX_NODES = 32
"""So many clocks are enough for an opinion: those last heard."""

HEARD_MS = 60_000
"""What was heard longer ago does not count."""


class WallClocks:
    """The wall clocks of other members, as they say what time it is.

    What is kept of each is how far it is from this node's monotonic clock. So when the own wall
    clock is put right, the difference is right at once.
    """

    def __init__(self) -> None:
        self._heard: dict[str, tuple[int, int]] = {}
        self._now = Now(0, 0)

    def heard(self, node: str, wall_ms: int, now: Now) -> None:
        """A member says that its wall clock shows this."""
        self._now = now
        # The order of the dictionary is that in which they were last heard.
        self._heard.pop(node, None)
        self._heard[node] = (wall_ms - now.mono_ms, now.mono_ms)
        if len(self._heard) > MAX_NODES:
            del self._heard[next(iter(self._heard))]

    def offset_ms(self, now: Now | None = None) -> int:
        """How far the others' clocks are ahead of this node's: the median of those heard within the
        last minute, 0 if there are none. Without `now`, as of when one was last heard.

        Of what lies between the two in the middle it is what is nearest to 0: only if more than
        half of the others say so, the clock is off.
        """
        now = now or self._now
        mine_ms = now.wall_ms - now.mono_ms
        offsets = sorted(
            theirs_ms - mine_ms
            for theirs_ms, heard_at in self._heard.values()
            if now.mono_ms - heard_at <= HEARD_MS
        )
        if not offsets:
            return 0
        lower, upper = offsets[(len(offsets) - 1) // 2], offsets[len(offsets) // 2]
        return max(lower, min(upper, 0))

    def refusal(self, max_off_ms: int, now: Now | None = None) -> str:
        """A sentence if this node's clock is off by more, either way; empty if it is not."""
        offset_ms = self.offset_ms(now)
        if abs(offset_ms) <= max_off_ms:
            return ""
        way = "behind" if offset_ms > 0 else "ahead of"
        seconds = f"{abs(offset_ms) / 1_000:,.0f} s"
        return f"this node's clock is {seconds} {way} those of the other members"
