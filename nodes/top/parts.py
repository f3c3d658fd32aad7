"""The parts of a frame: lines that tell what is seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from actors.membership import LIVING
from nodes.look import Look
from nodes.ring_picture import Named, named, share_bar
from nodes.status import Status
from nodes.status_commands import copies, status_facts
from nodes.terminal import STATE_COLOURS
from nodes.top.seen import MemberSeen, Seen

BAR_CELLS = 12
TOLD_ELSEWHERE = frozenset({"members", "epoch", "traffic", "partitions"})
_GAP = "  "


def clock(at_s: float) -> str:
    """The time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at_s))


def age(length_s: float) -> str:
    """How long something has been so, to a person."""
    seconds = max(0, int(length_s))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3_600} h"


def line(text: str = "", style: str | Style = "") -> Text:
    """A line, whose style what is appended does not inherit."""
    return Text(no_wrap=True, overflow="crop").append(text, style)


def title(seen: Seen, now_s: float, columns: int, look: Look, *, follows: bool) -> Text:
    """Who answers, which layout there is, and at the right what time it is."""
    told = line("gossamer", "bold")
    if seen.status is not None:
        count = len(seen.members)
        members = f"{count:,} member" + ("" if count == 1 else "s")
        facts = (f"asks {look.text(seen.status.node)}", members, f"epoch {seen.status.epoch:,}")
        told.append("".join([f"{_GAP} {fact}" for fact in facts]))
    right = clock(now_s) + (f"{_GAP}q: quit" if follows else "")
    told.truncate(max(0, columns - len(right) - 1))
    return told.append(" " * (columns - cell_len(told.plain) - len(right))).append(right, "dim")


def health(seen: Seen, now_s: float, look: Look) -> Text:
    """In one line: are there answers, and is everything there?"""
    if seen.troubles:
        reason = look.text(next(iter(seen.troubles.values())))
        since = age(now_s - seen.troubled_s)
        return line(f"no answer for {since}, trying again: {reason}", "bold white on red")
    status = seen.status
    if status is None:
        return line("asking ...", "dim")
    style, what = "green", ""
    if status.without_quorum or status.files.lost:
        style = "bold white on red"
    elif status.under_replicated:
        style = "yellow"
    if status.under_replicated or status.without_quorum:
        what = "partitions: "
    moves = "; data moves to new owners" if status.moving else ""
    return line(f"{what}{copies(status)}{moves}", style)


def members(seen: Seen, now_s: float, columns: int, limit: int | None, look: Look) -> list[Text]:
    """A row each, by name; where there is no room for all those that are not alive come first, and
    then how many more there are."""
    shown = sorted(seen.members.values(), key=lambda m: (m.member.name, m.member.id))
    more = 0
    if limit is not None and len(shown) > limit:
        shown = sorted(shown, key=lambda m: m.member.state == "alive")
        more = len(shown) - limit + 1
        shown = shown[: limit - 1]
    owners = {n.member.id: n for n in named(seen.ring)} if seen.ring is not None else {}
    largest = max((n.member.copies for n in owners.values()), default=0)
    rows = [_member(m, owners.get(m.member.id), largest, seen, now_s, look) for m in shown]
    lines = _table(_MEMBER_COLUMNS, rows, columns)
    if more:
        alive = sum([m.member.state == "alive" for m in seen.members.values()])
        lines.append(line(f"   and {more:,} more; {alive:,} of all are alive", "dim"))
    return lines


@dataclass(frozen=True, slots=True)
class _Column:
    """Where there is no room for all, those with the highest `spare` are left out first."""

    title: str
    spare: int
    is_number: bool = False


_MEMBER_COLUMNS = (
    _Column("", 0),
    _Column("MEMBER", 0),
    _Column("STATE", 0),
    _Column("SINCE", 1),
    _Column("SHARE", 3),
    _Column("", 2, is_number=True),
    _Column("COPIES", 4, is_number=True),
    _Column("ADDRESS", 5),
)


def _member(
    seen: MemberSeen, owner: Named | None, largest: int, all_seen: Seen, now_s: float, look: Look
) -> list[Text]:
    member = seen.member
    colour = Style(color=f"color({owner.colour})") if owner is not None else ""
    state = str(member.state)
    since = ""
    if seen.since_s is not None:
        since = f"{clock(seen.since_s)}, {age(now_s - seen.since_s)}"
    elif state not in LIVING:
        since = f"before {clock(all_seen.began_s)}"
    keeps = owner.member if owner is not None else None
    return [
        line(owner.letter if owner is not None else "", colour),
        line(look.text(member.name), colour),
        line(state, STATE_COLOURS.get(state, "")),
        line(since, "" if state in LIVING else STATE_COLOURS.get(state, "")),
        line(share_bar(keeps.copies, largest, BAR_CELLS) if keeps is not None else "", colour),
        line(f"{keeps.share:.1%}" if keeps is not None else "-"),
        line(f"{keeps.copies:,}" if keeps is not None else "-"),
        line(look.text(member.address), "dim"),
    ]


def _table(heads: Sequence[_Column], rows: Sequence[Sequence[Text]], columns: int) -> list[Text]:
    lines = [[line(head.title, "dim") for head in heads], *rows]
    widths = [max(cell_len(cell.plain) for cell in cells) for cells in zip(*lines, strict=True)]
    kept = list(range(len(heads)))
    while sum([widths[i] + len(_GAP) for i in kept]) - len(_GAP) > columns:
        dispensable = max(kept, key=lambda i: heads[i].spare)
        if not heads[dispensable].spare:
            break
        kept.remove(dispensable)
    drawn = []
    for cells in lines:
        row = line()
        for i in kept:
            space = " " * (widths[i] - cell_len(cells[i].plain))
            row.append(_GAP if i != kept[0] else "")
            if heads[i].is_number:
                row.append(space).append_text(cells[i])
            else:
                row.append_text(cells[i]).append(space)
        row.rstrip()
        drawn.append(row)
    return drawn


def facts(status: Status | None, look: Look) -> list[Text]:
    """What moves, what waits, who does not answer, and what there is of files."""
    if status is None:
        return []
    told = [fact for fact in status_facts(status) if fact[0] not in TOLD_ELSEWHERE]
    width = max((len(name) for name, _ in told), default=0)
    return [line(f"{name:<{width}}  ", "dim").append(look.text(text)) for name, text in told]


def keys(seen: Seen, now_s: float, count: int, look: Look) -> list[Text]:
    """How fast keys are changed, and so many of those that were changed last."""
    rate = f"{seen.rate(now_s):,.1f} changes a second"
    total = f"{seen.changes:,} since {clock(seen.began_s)}"
    lines = [line("keys", "dim").append(f"{_GAP}{rate}, {total}")]
    for key in seen.latest_keys()[:count]:
        times = f"{key.changes:,} time" + ("" if key.changes == 1 else "s")
        told = f"{_GAP}{clock(key.last_s)}{_GAP}{look.text(key.key)}{_GAP}"
        lines.append(line(told).append(times, "dim"))
    return lines


def events(seen: Seen, count: int, look: Look) -> list[Text]:
    """So many of the latest, the latest last."""
    lines = [line("events", "dim")]
    latest = list(seen.events)[-count:] if count > 0 else []
    for event in latest:
        told = line(f"{_GAP}{clock(event.at_s)}{_GAP}", "")
        if event.member:
            told.append(f"{look.text(event.member)}{_GAP}", "bold")
        lines.append(told.append(look.text(event.text), STATE_COLOURS.get(event.state, "")))
    return lines if latest else []
