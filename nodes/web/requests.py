"""What requests ask for: in the path, in the query, and in their headers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.types import Receive, Scope
from werkzeug.http import parse_etags

from actors.errors import error_for
from actors.messages import Level
from nodes.options import check_level
from nodes.web.answers import Problem

NO_QUERY = QueryParams()
WRITING_CONDITIONS = ("if-match", "if-none-match", "if-unmodified-since")


class Asked(Request):
    """A request whose headers are asked for several times, most of them in vain, and which often
    has no query."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._headers = _Looked(scope)
        if not scope["query_string"]:
            self._query_params = NO_QUERY


class _Looked(Headers):
    """Headers that are found by their names, which are in lower case here: Starlette's own go
    through all of them each time."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        # Of those that are there twice the first counts.
        self._first = {name.decode("latin-1"): value for name, value in reversed(self.raw)}

    def __getitem__(self, key: str) -> str:
        return self._first[key.lower()].decode("latin-1")

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._first

    def get(self, key: str, default: Any = None) -> Any:
        """As of any mapping."""
        found = self._first.get(key.lower())
        return default if found is None else found.decode("latin-1")


def rest_of_path(request: Request, before: str, what: str) -> str:
    """What the path has after this, to the byte: a name is UTF-8, or refused as `what`."""
    raw: bytes = request.scope["raw_path"][len(before) :]
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise error_for(what, "the path is not UTF-8") from None


def number_in(request: Request, name: str, default: int, most: int) -> int:
    """A number of the query, from 1 to `most`. Raises GossamerError for others."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most and len(text) < 10):
        raise error_for("refused", f"{name} is a number from 1 to {most:,}, not {text[:20]!r}")
    return int(text)


def flag_in(request: Request, name: str, default: bool) -> bool:
    """Yes or no in the query; only to name it means yes."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text not in ("", "true", "false", "1", "0"):
        raise error_for("refused", f"{name} is true or false, not {text[:20]!r}")
    return text in ("", "true", "1")


def level_in(request: Request, name: str) -> Level:
    """How many owners are to have answered: `w` or `r`."""
    try:
        return check_level(name, request.query_params.get(name, "quorum"))  # type: ignore[arg-type]
    except ValueError as error:
        raise error_for("refused", str(error)) from None


def refuse_unknown(request: Request, known: Sequence[str]) -> None:
    """What is in the query and has no meaning is a slip, as `tll` for `ttl`: to pass over it could
    be to keep for ever what was to go. Raises GossamerError that names those that there are."""
    for name in request.query_params:
        if name not in known:
            there = f"there is {' and '.join(known)}" if known else "there is none"
            raise error_for("refused", f"the query has no {name[:20]!r} here: {there}")


def is_seen(request: Request, etag: str) -> bool:
    """Has who asks this version already?"""
    header = request.headers.get("if-none-match")
    return header is not None and parse_etags(header).contains_weak(etag)


def refuse_conditions(request: Request) -> None:
    """A write on a condition has to be decided by the owners of the key, together: until they can,
    it is not done at all, rather than now and then wrongly. Raises Problem."""
    for name in WRITING_CONDITIONS:
        if name in request.headers:
            detail = f"a write with {name.title()} cannot be done yet; nothing was written"
            raise Problem("not_implemented", detail)
