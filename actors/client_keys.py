"""What clients call a key, and what the table does: a router takes requests of clients in with the
keys under which they are stored, and answers with theirs. Others name keys as they are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from actors.actor import CLIENT, Envelope
from actors.messages import Explain, Export, Get, List, Message, Write
from actors.spaces import OWN, client_key, stored_key


def as_stored(request: Envelope) -> Envelope:
    """The same request, about the keys that it means."""
    if request.sender.node != CLIENT:
        return request
    message = request.message
    # Hardly any client has a key so high: it costs a comparison to know that a batch has none.
    if isinstance(message, (Get, Write)):
        if not message.keys or max(message.keys) < OWN:
            return request
        stored: Message = replace(message, keys=tuple(map(stored_key, message.keys)))
    elif isinstance(message, List):
        prefix, after = stored_key(message.prefix), stored_key(message.after)
        stored = replace(message, prefix=prefix, after=after)
    elif isinstance(message, Export):
        stored = replace(message, after=stored_key(message.after))
    elif isinstance(message, Explain):
        stored = replace(message, key=stored_key(message.key))
    else:
        return request
    return replace(request, message=stored)


def as_asked(request: Envelope, keys: Sequence[str]) -> tuple[str, ...]:
    """Stored keys as who made this request calls them."""
    if request.sender.node != CLIENT:
        return tuple(keys)
    return tuple([client_key(key) for key in keys])
