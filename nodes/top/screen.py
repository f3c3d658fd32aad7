"""A terminal that a program has to itself for a while: the other screen, no cursor, and keys as
they are pressed. Whatever happens, it is as before at the end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Sequence
from typing import Any, Self

from rich.text import Text

from actors.errors import GossamerError
from nodes.look import Look, look_of, rendered

_COLUMNS, _LINES = 80, 24
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
_LEAVE = "\x1b[?25h\x1b[?1049l"
_HOME = "\x1b[H"
_REST_OF_LINE = "\x1b[K"
_REST_OF_SCREEN = "\x1b[J"


def is_terminal() -> bool:
    """Can a frame be drawn, and a key be pressed?"""
    streams = (sys.stdin, sys.stdout)
    can_move = os.environ.get("TERM") not in (None, "", "dumb")
    return can_move and all(stream is not None and stream.isatty() for stream in streams)


class Screen:
    """The terminal of stdin and stdout, once it was entered."""

    def __init__(self) -> None:
        self.keyboard = sys.stdin.fileno()
        self.look: Look = look_of(sys.stdout)
        self._out = sys.stdout.fileno()
        self._before: list[Any] = []

    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now. Raises GossamerError where the terminal is gone."""
        try:
            size = os.get_terminal_size(self._out)
        except OSError as error:
            raise GossamerError(f"the terminal is gone: {error.strerror}") from error
        # One that has never been told its size says zero.
        return size.columns or _COLUMNS, size.lines or _LINES

    def draw(self, lines: Sequence[Text], columns: int) -> None:
        """Show these in the place of what was there. Raises GossamerError where the terminal is
        gone."""
        drawn = rendered(lines, self.look, columns).splitlines()
        ends = f"{_REST_OF_LINE}\r\n"
        self._write(f"{_HOME}{ends.join(drawn)}{_REST_OF_LINE}{_REST_OF_SCREEN}")

    def pressed(self) -> bytes:
        """The keys that were pressed, or nothing where the terminal is gone."""
        try:
            return os.read(self.keyboard, 1_024)
        except OSError:
            return b""

    def suspend(self) -> None:
        """Give the terminal back, stop as by Ctrl-Z, and take it again when it goes on."""
        self.leave()
        # To this thread, so that it stops before the terminal is taken again.
        signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
        self.enter()

    def enter(self) -> None:
        """Take the terminal."""
        self._before = termios.tcgetattr(self.keyboard)
        mode = termios.tcgetattr(self.keyboard)
        # Keys at once, unseen, and Ctrl-C and Ctrl-Z as keys.
        mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
        termios.tcsetattr(self.keyboard, termios.TCSADRAIN, mode)
        self._write(_ENTER)

    def leave(self) -> None:
        """Give it back as it was."""
        try:
            self._write(_LEAVE)
        finally:
            # One that is gone needs nothing any more.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.keyboard, termios.TCSADRAIN, self._before)

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.leave()

    def _write(self, text: str) -> None:
        data = text.encode(sys.stdout.encoding or "utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except OSError as error:
            raise GossamerError(f"the terminal cannot be written: {error.strerror}") from error
