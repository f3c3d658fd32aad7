"""Is a chunk referred to, by a manifest or by a list, anywhere? Every node that keeps either is
asked, and only if all have said no, in one epoch, it is not. One yes is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from actors.actor import Address
from actors.file_desk import FileDesk
from actors.keeping import Keeping
from actors.messages import Message, Refer, Referred

PATIENCE_MS = 5_000

Found = Callable[[dict[str, bool | None], int], None]
"""Called with whether each chunk is referred to, None where that is not known, and the epoch."""


@dataclass(slots=True, eq=False)
class _Question:
    chunks: tuple[str, ...]
    then: Found
    epoch: int
    waits: int = 1
    is_whole: bool = True
    referred: set[str] = field(default_factory=set)


class Inquiry:
    """Of the file server whose `desk` it is."""

    def __init__(self, desk: FileDesk, keeping: Keeping) -> None:
        self._desk = desk
        self._keeping = keeping

    def ask(self, chunks: Sequence[str], then: Found) -> None:
        """Ask about these, at most 1,000; `then` may be called at once."""
        desk = self._desk
        question = _Question(tuple(chunks), then, desk.epoch)
        self._count(question, self._keeping.refer(question.chunks))
        members = desk.placement.layout.members
        for node in sorted({*members, *desk.others(), desk.node}):
            if desk.is_down(node):
                question.is_whole = False
                continue
            if node in members:
                # What another still has of manifests is of no account.
                self._send(question, node, "storage")
            if node != desk.node:
                self._send(question, node, "fileserver")
        self._answered(question)

    def _send(self, question: _Question, node: str, actor: str) -> None:
        question.waits += 1
        self._desk.errands.ask(
            Address(node, actor),
            Refer(question.epoch, question.chunks),
            partial(self._on_answer, question),
            self._desk.now,
            patience_ms=PATIENCE_MS,
        )

    def _on_answer(self, question: _Question, answer: Message | None) -> None:
        if isinstance(answer, Referred) and len(answer.held) == len(question.chunks):
            self._count(question, answer.held)
        else:
            question.is_whole = False
        self._answered(question)

    def _count(self, question: _Question, held: Sequence[bool]) -> None:
        pairs = zip(question.chunks, held, strict=True)
        question.referred.update([id for id, is_held in pairs if is_held])

    def _answered(self, question: _Question) -> None:
        question.waits -= 1
        if question.waits:
            return
        # All have to have spoken of one state of the network.
        is_sure = question.is_whole and question.epoch == self._desk.epoch
        unknown = False if is_sure else None
        found = {id: True if id in question.referred else unknown for id in question.chunks}
        question.then(found, question.epoch)
