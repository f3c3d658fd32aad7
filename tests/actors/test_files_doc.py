"""What docs/files.md says in numbers and tables is what the code does."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from actors.chunks import CHUNK_BYTES, INLINE_BYTES, LIST_DIGESTS, MAX_CHUNK_BYTES, MAX_DIGESTS
from actors.downloading import WINDOW as DOWNLOAD_WINDOW
from actors.file_settings import FileSettings
from actors.names import HEAD_BYTES
from actors.storage_settings import StorageSettings
from actors.sweeping import EPOCHS
from actors.uploading import WINDOW as UPLOAD_WINDOW
from nodes.chunk_folder import RESERVE_BYTES
from nodes.serve import serve

DOC = " ".join((Path(__file__).parents[2] / "docs" / "files.md").read_text().split())
FILES, KIB, MIB = FileSettings(), 2**10, 2**20
IN_WORDS = {2: "two", 8: "eight", 12: "twelve", 16: "sixteen"}


@pytest.mark.parametrize(
    "said",
    [
        f"{CHUNK_BYTES // MIB} MiB a chunk",
        f"(in Python {FILES.min_chunk_bytes // KIB} KiB to {MAX_CHUNK_BYTES // MIB} MiB may "
        "be asked for)",
        f"A file of up to {INLINE_BYTES // KIB} KiB rides in its manifest",
        f"One with more than {MAX_DIGESTS} chunks",
        f"chunks of up to {LIST_DIGESTS:,} digests",
        f"the first {HEAD_BYTES // KIB} KiB",
        f"`put_chunk`, {IN_WORDS[UPLOAD_WINDOW]} at a time",
        f"the client asks for chunks, {IN_WORDS[DOWNLOAD_WINDOW]} at a time",
        f"Every {FILES.compare_ms // 1_000} s or so",
        f"no faster than {FILES.repair_bytes_per_s // MIB} MiB/s",
        f"no faster than {FILES.scrub_bytes_per_s // MIB} MiB/s",
        f"a grace ({'an hour' if FILES.grace_ms == 3_600_000 else ''}) has passed",
        f"in epoch *s*+{EPOCHS} or later",
        f"at most once in {'ten' if StorageSettings().grace_ms == 600_000 else ''} minutes",
        f"up to {FILES.max_suspects:,} ids",
        f"bounded by {FILES.max_open_bytes // MIB} MiB at the node",
        f"by {IN_WORDS[FILES.peer_credit]} for each other node",
        f"A disk's last {RESERVE_BYTES // MIB} MiB",
    ],
)
def test_the_numbers_are_those_of_the_settings(said: str) -> None:
    """As they are unless somebody sets them otherwise."""
    assert said in DOC


def test_every_setting_of_files_is_told() -> None:
    """Those of the command line that are about files alone."""
    options = {name for p in serve.params if isinstance(p, click.Option) for name in p.opts}
    about = {o for o in options if any(w in o for w in ("file", "chunk", "extension", "scrub"))}
    assert {option for option in about if f"`{option}`" not in DOC} == set()
