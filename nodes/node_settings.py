"""What a node is told when it is made, in the form in which it is used or logged."""

from __future__ import annotations

import os
import platform
from dataclasses import replace

from actors.file_settings import FileSettings
from actors.names import parse_extensions
from nodes.keys import NodeKeys
from nodes.options import grace_ms, rate_bytes, size_bytes


def encryption_fields(keys: NodeKeys | None) -> dict[str, object]:
    """What the log says of it."""
    if keys is None:
        return {"encrypted": False}
    own, *others = keys.fingerprints
    return {"encrypted": True, "fingerprint": own} | ({"also_takes": others} if others else {})


def file_settings(
    max_file: int | str | None,
    extensions: str | None,
    chunk_grace: float | str | None,
    scrub_rate: int | str | None,
    scrub_every: float | str | None,
) -> FileSettings:
    """What the file server is told, where it is other than usual. Raises ValueError."""
    settings = FileSettings()
    if max_file is not None:
        settings = replace(settings, max_file_bytes=size_bytes(max_file))
    if extensions is not None:
        settings = replace(settings, extensions=parse_extensions(extensions))
    if chunk_grace is not None:
        settings = replace(settings, grace_ms=grace_ms(chunk_grace))
    if scrub_rate is not None:
        settings = replace(settings, scrub_bytes_per_s=rate_bytes(scrub_rate))
    if scrub_every is not None:
        settings = replace(settings, scrub_pause_ms=grace_ms(scrub_every))
    return settings


def default_name(port: int) -> str:
    """Honcho's name for the process, else host and port; empty where the port is not known yet."""
    given = os.environ.get("HONCHO_PROCESS_NAME", "")
    return given or (f"{platform.node()}:{port}" if port else "")
