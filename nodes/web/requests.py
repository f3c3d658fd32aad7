"""What requests ask for: in the path, in the query, and in their headers."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from werkzeug.http import parse_etags

from actors.errors import error_for
from actors.messages import Level
from nodes.options import check_level
from nodes.web.answers import Problem

WRITING_CONDITIONS = ("if-match", "if-none-match", "if-unmodified-since")


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
            raise Problem(501, "not_implemented", detail)
