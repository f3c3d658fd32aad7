"""`gossamer serve` that collects tombstones within seconds, not after 20 minutes, and looks at what
no file needs, and at what others keep, every second or so."""

from __future__ import annotations

import sys
from functools import partial

from actors.file_settings import FileSettings
from actors.storage import Storage
from actors.storage_settings import StorageSettings
from nodes import node, node_settings
from nodes.cli import main

SERVE_HASTY = (sys.executable, "-m", "tests.nodes.hasty", "serve")
"""What starts such a node process."""

SETTINGS = StorageSettings(grace_ms=500, collect_ms=200, compare_ms=1_000)

if __name__ == "__main__":
    vars(node)["Storage"] = partial(Storage, settings=SETTINGS)
    vars(node_settings)["FileSettings"] = partial(FileSettings, sweep_ms=500, compare_ms=1_000)
    main()
