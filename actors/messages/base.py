"""What all messages have in common."""

from __future__ import annotations

from typing import ClassVar


class Message:
    """Base of all messages."""

    __slots__ = ()
    columns: ClassVar[tuple[str, ...]] = ()
