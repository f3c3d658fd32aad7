"""How a node is: it asks its actors, each in its own thread, and judges by what they answer.

An actor that does not take its turn, because a disk hangs or a bug keeps it, is silent. A node with
a silent actor is ill, and to be started again; one that only waits for others is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from actors.membership import State
from actors.messages import FilesReport, GossiperVitals, Message, RouterVitals, StorageVitals
from nodes.news import News

PATIENCE_MS = 2_000
"""An actor that has not answered for so long is silent."""

FRESH_MS = 1_000
"""Who answered no longer ago is not asked again: to be asked often costs a node nothing."""

ACTORS: Mapping[type[Message], str] = {
    StorageVitals: "storage",
    RouterVitals: "router",
    GossiperVitals: "gossiper",
    FilesReport: "fileserver",
}
"""Who answers AskVitals with what."""


class Checkup:
    """Of one node. `ask` puts the question into an actor's mailbox, and is false where that takes
    no more. Times are monotonic ms. Belongs to one thread."""

    def __init__(self, ask: Callable[[str], bool]) -> None:
        self._ask = ask
        self._asked_ms: dict[str, int] = {}
        self._unsent: set[str] = set()
        self._heard_ms: dict[str, int] = {}
        self._told: dict[type[Message], Message] = {}

    def begin(self, now_ms: int) -> None:
        """Ask whoever is not being asked, and has not answered just now."""
        for actor in ACTORS.values():
            heard_ms = self._heard_ms.get(actor)
            is_fresh = heard_ms is not None and now_ms - heard_ms < FRESH_MS
            if actor in self._unsent or not (actor in self._asked_ms or is_fresh):
                self._asked_ms.setdefault(actor, now_ms)
                self._unsent.discard(actor)
                if not self._ask(actor):
                    self._unsent.add(actor)

    def hear(self, vitals: Message, now_ms: int) -> None:
        """An actor has answered."""
        actor = ACTORS[type(vitals)]
        self._asked_ms.pop(actor, None)
        self._unsent.discard(actor)
        self._heard_ms[actor] = now_ms
        self._told[type(vitals)] = vitals

    def wait_ms(self, now_ms: int) -> int:
        """How long answers are still to be waited for: 0 if all are there, or late."""
        return max([0, *[at_ms + PATIENCE_MS - now_ms for at_ms in self._asked_ms.values()]])

    def silent(self, now_ms: int) -> list[str]:
        """The actors that do not answer, by name."""
        asked = self._asked_ms.items()
        return sorted([actor for actor, at_ms in asked if now_ms - at_ms >= PATIENCE_MS])

    def storage(self) -> StorageVitals | None:
        """What it told last, unless it is silent or was not heard yet: nothing is told that is old.
        Likewise the others."""
        told = self._current(StorageVitals)
        return told if isinstance(told, StorageVitals) else None

    def members(self) -> Sequence[State] | None:
        """The state of each member, as the gossiper told last."""
        told = self._current(GossiperVitals)
        return told.states if isinstance(told, GossiperVitals) else None

    def router(self) -> RouterVitals | None:
        """What it told last."""
        told = self._current(RouterVitals)
        return told if isinstance(told, RouterVitals) else None

    def files(self) -> FilesReport | None:
        """What the file server told last."""
        told = self._current(FilesReport)
        return told if isinstance(told, FilesReport) else None

    def _current(self, kind: type[Message]) -> Message | None:
        return None if ACTORS[kind] in self._asked_ms else self._told.get(kind)


def faults(end: str, silent: list[str]) -> list[str]:
    """Why a node is not alive, in sentences. `end` is what has ended it, or is about to."""
    why = [end] if end else []
    seconds = PATIENCE_MS // 1_000
    return why + [f"its {actor} has not answered for {seconds} s or longer" for actor in silent]


def waits_for(node_id: str, news: News, storage: StorageVitals | None) -> list[str]:
    """What keeps the living node of this id from being ready, in sentences: it is when it belongs
    to a network, keeps a part of the data, and lacks nothing of that."""
    if not news.network:
        return [news.waiting]
    if storage is None:
        return ["waiting for its storage"]
    if node_id not in news.layout.members:
        return ["waiting to be one of those who keep the data"]
    waits = []
    if not storage.is_welcome:
        waits.append("waiting for others to know that it has been started again")
    if storage.moved < storage.to_move:
        waits.append(
            f"{storage.to_move - storage.moved:,} of {storage.to_move:,} partitions are still to "
            "be moved here"
        )
    if storage.behind:
        waits.append(
            f"of {storage.behind:,} of its {storage.owned:,} partitions it may lack something that "
            "other owners have"
        )
    return waits
