"""What the parts of an actor want to be sent, in order, until the turn is over."""

from __future__ import annotations

from actors.actor import EVERYBODY, HOST, Address, Envelope, reply, unwanted
from actors.messages import Dropped, Message, Rumour

NOT_THERE = "a message to who is not there"


class Outbox:
    """Of the actor at `here`, which numbers its requests from `first_number` on."""

    def __init__(self, here: Address, first_number: int) -> None:
        self.here = here
        self._number = first_number
        self._out: list[Envelope] = []

    def send(self, node: str, message: Message) -> int:
        """To the same actor of another node (by id, or `@host:port`); the number to expect an
        answer by."""
        number = self.next_number()
        self._out.append(Envelope(Address(node, self.here.actor), self.here, message, number))
        return number

    def tell(self, node: str, message: Message) -> None:
        """As `send`, of what is not to be answered."""
        self._out.append(Envelope(Address(node, self.here.actor), self.here, message))

    def answer_at(self, address: str, request: Envelope, message: Message) -> None:
        """Reply to who listens at `host:port`: its id means nothing to this node's switch yet."""
        to = Address(f"@{address}", self.here.actor)
        self._out.append(Envelope(to, self.here, message, request.id, request.trace))

    def reply(self, request: Envelope, message: Message) -> None:
        """To whoever sent the request."""
        self._out.append(reply(request, message))

    def publish(self, rumour: Rumour) -> None:
        """To everybody who listens."""
        self._out.append(Envelope(Address(EVERYBODY, self.here.actor), self.here, rumour))

    def to(self, actor: str, message: Message) -> int:
        """To another actor of this node, or its host; the number to expect an answer by."""
        number = self.next_number()
        self._out.append(Envelope(Address(self.here.node, actor), self.here, message, number))
        return number

    def drop(self, reason: str, count: int = 1) -> None:
        """Something from outside was not acted on: let it be counted."""
        self.to(HOST, Dropped(reason, count))

    def drop_answer(self, envelope: Envelope) -> None:
        """Nobody waits for this answer: let that be counted."""
        self.drop(unwanted(envelope, is_late=0 < envelope.id <= self._number))

    def next_number(self) -> int:
        """A number that was not used before."""
        self._number += 1
        return self._number

    def take(self) -> list[Envelope]:
        """All of it; the outbox is empty then."""
        out, self._out = self._out, []
        return out
