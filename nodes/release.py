"""Which version of Gossamer this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

UNKNOWN = "unknown"


@cache
def release() -> str:
    """Of what is installed; UNKNOWN where it runs without being installed."""
    try:
        return version("gossamer")
    except PackageNotFoundError:
        return UNKNOWN
