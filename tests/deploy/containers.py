"""What a platform gives a container, without the platform: an environment, mounts, and an end."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
ENTRYPOINT = ROOT / "deploy" / "entrypoint.py"
END_S = 20.0


def environment(**given: str) -> dict[str, str]:
    """That of a container: `gossamer` is on the PATH, and there is nothing of this process's."""
    bin_folder = Path(sys.executable).parent
    path = os.pathsep.join([str(bin_folder), os.environ["PATH"]])
    return {"PATH": path, "PYTHONPATH": str(ROOT), **given}


def run(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """The entry point with these arguments and this environment, to its end."""
    return subprocess.run(
        [sys.executable, str(ENTRYPOINT), *arguments],
        env=environment(**given),
        capture_output=True,
        text=True,
        timeout=END_S,
        check=False,
    )


def load_entrypoint() -> Any:
    """The functions of the entry point."""
    spec = importlib.util.spec_from_file_location("entrypoint", ENTRYPOINT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Container:
    """A command under the entry point, running; `within` takes it to another machine. What it says
    goes to the file."""

    def __init__(
        self, arguments: Sequence[str], file: Path, within: Sequence[str] = (), **given: str
    ) -> None:
        self._file = file
        with file.open("wb") as out:
            self._process = subprocess.Popen(
                [*within, sys.executable, str(ENTRYPOINT), *arguments],
                env=environment(**given),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def said(self) -> str:
        """What it has said so far."""
        return self._file.read_text()

    def stop(self) -> int:
        """End it as a platform does; its exit status."""
        self._process.terminate()
        return self._process.wait(END_S)

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
