"""Sessions that pages of documentation show, and the shell in which they are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.networks import DEADLINE_S, ROOT


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def session(block: str) -> list[tuple[str, str]]:
    """The commands of a block, each with the output that is shown after it."""
    steps = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(command, shown) for command, _, shown in (step.partition("\n") for step in steps)]


def with_addresses(text: str, addresses: dict[str, str]) -> str:
    """The text with the real addresses."""
    for shown, real in addresses.items():
        text = text.replace(shown, real)
    return text


def run(command: str, folder: Path, endpoint: str) -> str:
    """What a command prints, wherever it prints it, in a shell that knows `gossamer`."""
    known = f'gossamer() {{ "{sys.executable}" -m nodes.cli "$@"; }}\n'
    environment = {"GOSSAMER_ENDPOINTS": endpoint, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    finished = subprocess.run(
        ["bash", "-c", known + command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return finished.stdout
