"""Which requests a coordinator does not take on, for what they ask or for what is under way."""

from __future__ import annotations

from actors.actor import Envelope
from actors.admission import Admission
from actors.desk import Open
from actors.messages import Explain, Failed, Get, Write
from actors.router_settings import RouterSettings


def refusal(
    envelope: Envelope, limits: RouterSettings, open_jobs: Open, admission: Admission
) -> Failed | None:
    """Why the whole request is not taken on, if so."""
    message = envelope.message
    if isinstance(message, (Get, Write)):
        if not 1 <= len(message.keys) <= limits.max_batch_keys:
            reason = f"a batch has 1 to {limits.max_batch_keys:,} keys, not {len(message.keys)}"
            return Failed("refused", reason, True)
        if open_jobs.keys + len(message.keys) > limits.max_open_keys:
            return Failed("overloaded", "too many keys are under way at this node", True)
    if isinstance(message, Explain) and not limits.admits(message.key):
        return Failed("bad_key", f"a key has 1 to {limits.max_key_bytes:,} bytes", True)
    if admission.is_full(envelope.sender):
        return Failed("overloaded", "read the answers before asking for more", True)
    if admission.bytes_written_by(envelope.sender) > limits.max_client_bytes:
        return Failed("overloaded", "too many bytes of this client are under way", True)
    if open_jobs.bytes > limits.max_open_bytes:
        return Failed("overloaded", "too many bytes are under way at this node", True)
    return None
