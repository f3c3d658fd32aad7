"""Which requests a coordinator does not take on, for what they ask or for what is under way; and of
one that came to nothing, why."""

from __future__ import annotations

from actors.actor import Envelope, reply
from actors.admission import Admission
from actors.desk import Desk, Open
from actors.jobs import GetJob, Job, WriteJob, failure
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


def explained(job: Job, desk: Desk, limits: RouterSettings) -> Envelope | None:
    """A request for one key that failed is answered with a sentence, and the owners' names."""
    if not isinstance(job, (GetJob, WriteJob)) or len(job.codes) > 1:
        return None
    if job.codes[0] in ("ok", "not_found"):
        return None
    owners, down = desk.keepers(job.message.keys[0])
    failed = failure(job, owners, down, limits.max_key_bytes, limits.max_value_bytes)
    return None if failed is None else reply(job.request, failed)
