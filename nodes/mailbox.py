"""How the actors of a node hand each other envelopes: by reference, a ZeroMQ message as the bell.

Messages are frozen, so a batch need not be encoded inside a process. The batches wait in a deque;
the bell rings only when nobody has rung it since the receiver last looked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import zmq

from actors.actor import Envelope
from nodes.sockets import Context, Socket, inbox, outbox, receive

MAX_WAITING = 10_000
"""Batches in a mailbox. A full one takes no more, and the sender is told so."""


class Mailbox:
    """One actor's mailbox. `open`, `take` and `close` belong to the actor's thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.batches: deque[Sequence[Envelope]] = deque()
        self.rung = False
        self.closed = False
        self.socket: Socket | None = None

    def open(self, context: Context) -> Socket:
        """Bind; before any sender connects. The socket is readable when there may be envelopes."""
        self.socket = inbox(context, self.name)
        return self.socket

    def take(self, limit: int) -> list[Envelope]:
        """Up to `limit` batches, as envelopes. With more waiting, `batches` is not empty."""
        assert self.socket is not None
        # One bell a look: where two senders rang at once, there is one more look for nothing.
        if receive(self.socket) is not None:
            # Before looking: who adds a batch after this rings again, so none is overlooked.
            self.rung = False
        taken: list[Envelope] = []
        for _ in range(min(limit, len(self.batches))):
            taken += self.batches.popleft()
        return taken

    def close(self) -> None:
        """Whatever still waits is lost."""
        self.closed = True
        if self.socket is not None:
            self.socket.close()


class Post:
    """One thread's way to the mailboxes of the others."""

    def __init__(self, context: Context, mailboxes: dict[str, Mailbox]) -> None:
        self._context = context
        self._mailboxes = mailboxes
        self._bells: dict[str, Socket] = {}

    def __contains__(self, actor: str) -> bool:
        return actor in self._mailboxes

    def has_finished(self, actor: str) -> bool:
        """Has the actor closed its mailbox, as it does when the node stops?"""
        return self._mailboxes[actor].closed

    def send(self, actor: str, envelopes: Sequence[Envelope]) -> bool:
        """Put a batch into an actor's mailbox; False if that is full, or closed."""
        mailbox = self._mailboxes[actor]
        if mailbox.closed or len(mailbox.batches) >= MAX_WAITING:
            return False
        mailbox.batches.append(envelopes)
        if not mailbox.rung:
            mailbox.rung = True
            bell = self._bells.get(actor)
            if bell is None:
                bell = self._bells[actor] = outbox(self._context, actor)
            try:
                bell.send(b"", zmq.NOBLOCK)
            except zmq.Again:  # its actor has finished, and closed it
                return False
        return True

    def close(self) -> None:
        """No more will be sent from this thread."""
        for bell in self._bells.values():
            bell.close()
