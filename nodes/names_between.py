"""What nodes say to each other names keys and chunks. The actors take for granted that no key is
empty, which no table can hold, and that the ids of chunks are such: that is seen to here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import get_type_hints

from actors.chunks import is_chunk_id
from actors.messages import BETWEEN_FILE_SERVERS, BETWEEN_NODES, Message
from nodes.codec import Malformed

Check = Callable[[Sequence[str]], None]


def _check_keys(keys: Sequence[str]) -> None:
    if "" in keys:
        raise Malformed("a key is empty")


def _check_chunks(ids: Sequence[str]) -> None:
    if not all(map(is_chunk_id, ids)):
        raise Malformed("is not the id of a chunk, 64 digits of lower-case hex")


_OF_FIELDS: Mapping[str, Check] = {
    **dict.fromkeys(("key", "keys"), _check_keys),
    **dict.fromkeys(("chunk", "chunks"), _check_chunks),
}


def _checks(cls: type[Message]) -> Sequence[tuple[str, Check]]:
    """Each field of the message in which there are names, and how it is checked."""
    hints = get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    texts = [name for name in names if hints[name] in (str, tuple[str, ...])]
    return [(name, _OF_FIELDS[name]) for name in texts if name in _OF_FIELDS]


_CHECKS = {cls: _checks(cls) for cls in BETWEEN_NODES | BETWEEN_FILE_SERVERS}


def check_names(message: Message) -> None:
    """Raises Malformed for a message between nodes that names what nothing is called."""
    for name, check in _CHECKS[type(message)]:
        named = getattr(message, name)
        try:
            check((named,) if type(named) is str else named)
        except Malformed as bad:
            raise bad.within(name) from None
