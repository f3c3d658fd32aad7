"""Answers: JSON, and problems, which are errors in the form of RFC 9457 with a stable `code`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from actors.errors import ERRORS, BatchError, GossamerError

RETRY_AFTER_S = 1
"""When it is worth the while to try again where too few nodes are there, or one has too much."""

_BUSY = HTTPStatus.SERVICE_UNAVAILABLE

OWN_CODES: Mapping[str, int] = {
    "bad_form": 400,
    "no_token": 401,
    "cross_origin": 403,
    "no_such_path": 404,
    "no_such_method": 405,
    "body_timed_out": 408,
    "no_form": 415,
    "no_such_range": 416,
    "wrong_host": 421,
    "not_implemented": 501,
}
"""What only a gateway refuses, and the status of each. All other codes are those of the registry of
errors, which any client may get."""


class Json(Response):
    """Of anything that JSON has, with a line end, for terminals."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


class Problem(Exception):
    """What the gateway itself refuses, with a code of OWN_CODES or of the registry of errors, and
    the status that goes with it. `definite` is False where the request may have been done."""

    def __init__(
        self,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        definite: bool = True,
    ) -> None:
        super().__init__(detail)
        self.status = OWN_CODES[code] if code in OWN_CODES else ERRORS[code].http_status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.definite = definite

    def response(self) -> Response:
        """As it is sent."""
        return _problem(self.status, self.code, self.detail, self.definite, self.headers)


def cause_of(error: GossamerError) -> GossamerError:
    """The error itself; of a batch, of which some keys could not be read, that of the first."""
    if isinstance(error, BatchError):
        return next(e for e in error.results.values() if isinstance(e, GossamerError))
    return error


def response_of(error: GossamerError) -> Response:
    """An error of a client, with the status that the registry of errors has for it. `definite`:
    nothing was written, for certain."""
    error = cause_of(error)
    kind = ERRORS.get(error.code, ERRORS["failed"])
    return _problem(kind.http_status, error.code, str(error), error.definite, {})


def _problem(
    status: int, code: str, detail: str, definite: bool, headers: dict[str, str]
) -> Response:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "definite": definite,
    }
    if status == _BUSY:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return Json(body, status, headers, media_type="application/problem+json")
