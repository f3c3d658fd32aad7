"""Every way a request can fail: one registry of code, exception, exit status and HTTP status.

`definite` says whether the failure is known to have left no trace. A write that timed out may still
have happened; whoever retries it must know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class GossamerError(Exception):
    """Base of all errors; `code` is stable, `definite` is False where a write may have happened."""

    code = "failed"

    def __init__(self, reason: str, *, code: str = "", definite: bool | None = None) -> None:
        super().__init__(reason)
        self.code = code or type(self).code
        self.definite = ERRORS[self.code].definite if definite is None else definite


class KeyNotFound(GossamerError):
    """There is no such key."""

    code = "not_found"


class FileMissing(GossamerError):
    """There is no such file."""

    code = "file_missing"


class TimedOut(GossamerError, TimeoutError):
    """No answer in time. A write may have happened: `definite` is False for it."""

    code = "timed_out"


class Unavailable(GossamerError):
    """The network cannot do this now; nothing was written."""

    code = "unavailable"


class Overloaded(Unavailable):
    """Too much is under way; ask again later."""

    code = "overloaded"


class NotReady(Unavailable):
    """The node has not joined a network yet."""

    code = "not_ready"


class Stopping(Unavailable):
    """The node is shutting down."""

    code = "stopping"


class Unreachable(Unavailable, ConnectionError):
    """No endpoint accepts a connection."""

    code = "unreachable"


class Refused(GossamerError):
    """The request is not admitted, and will not be however often it is repeated."""

    code = "refused"


class BatchError(GossamerError):
    """Part of a batch failed; `results` has a value or a GossamerError for each key."""

    def __init__(self, results: dict[str, Any]) -> None:
        failed = {key: r for key, r in results.items() if isinstance(r, GossamerError)}
        first = next(iter(failed))
        super().__init__(
            f"{len(failed)} of {len(results)} keys failed, the first being "
            f"{first!r}: {failed[first]}",
            definite=all(error.definite for error in failed.values()),
        )
        self.results = results


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row of the registry."""

    raises: type[GossamerError]
    exit_status: int
    http_status: int
    sentence: str
    definite: bool = True


ERRORS: dict[str, ErrorKind] = {
    "failed": ErrorKind(GossamerError, 1, 500, "something went wrong"),
    "not_found": ErrorKind(KeyNotFound, 3, 404, "there is no such key"),
    "file_missing": ErrorKind(FileMissing, 3, 404, "there is no such file"),
    "timed_out": ErrorKind(
        TimedOut, 4, 504, "no answer in time; a write may have happened", definite=False
    ),
    "unavailable": ErrorKind(Unavailable, 5, 503, "too few replicas of the key can be reached"),
    "chunks_missing": ErrorKind(
        Unavailable, 5, 503, "some chunks of the file are not on enough disks"
    ),
    "overloaded": ErrorKind(Overloaded, 5, 503, "the node has too much under way; try again later"),
    "not_ready": ErrorKind(NotReady, 5, 503, "the node has not joined a network yet"),
    "stopping": ErrorKind(Stopping, 5, 503, "the node is shutting down"),
    "unreachable": ErrorKind(Unreachable, 5, 503, "no endpoint accepts a connection"),
    "refused": ErrorKind(Refused, 6, 400, "the request is not admitted"),
    "malformed": ErrorKind(Refused, 6, 400, "the message does not follow the protocol"),
    "unsupported_version": ErrorKind(
        Refused, 6, 400, "the message is of a protocol version that is not spoken here"
    ),
    "bad_key": ErrorKind(Refused, 6, 400, "a key is 1 to 1,024 bytes of UTF-8"),
    "bad_value": ErrorKind(Refused, 6, 400, "the value is not of the kind that it claims"),
    "too_large": ErrorKind(Refused, 6, 413, "the value is larger than is admitted"),
    "bad_name": ErrorKind(Refused, 6, 400, "no file may be called so"),
    "bad_type": ErrorKind(Refused, 6, 415, "no file of this kind is admitted"),
    "file_too_large": ErrorKind(Refused, 6, 413, "the file is larger than is admitted"),
    "name_taken": ErrorKind(Refused, 6, 409, "a living member has that name already"),
    "not_allowed": ErrorKind(Refused, 6, 403, "the key does not allow that"),
    "disk_full": ErrorKind(
        Refused, 6, 507, "the disk of a replica is full; the write was not kept", definite=False
    ),
}


def error_for(code: str, reason: str = "", definite: bool | None = None) -> GossamerError:
    """The exception for a code that came in a reply; an unknown code is a plain GossamerError."""
    kind = ERRORS.get(code)
    if kind is None:
        return GossamerError(reason or f"an error of unknown code {code!r}", definite=False)
    return kind.raises(reason or kind.sentence, code=code, definite=definite)
