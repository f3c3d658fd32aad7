"""Clients that upload, download and remove a few files, and take down what they saw.

Each file is a register too, its content the value: the same search judges both. Files are made of a
few blocks and something of their own, so that they share chunks; some are large enough for lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from random import Random
from typing import Protocol, TypeVar

from actors.chunks import INLINE_BYTES, chunk_id
from actors.downloading import Download, FileIndex, Opening
from actors.errors import FileMissing, GossamerError
from actors.messages import FileRemoved, Message, RemoveFile
from actors.requests import Ask
from actors.uploading import Upload, Uploaded
from nodes.simulated import Simulation
from nodes.simulated.client import Outcome, SimulatedClient
from nodes.simulated.history import History

NAMES = ("one.txt", "two.txt", "three.txt")
BLOCK_BYTES = 8_192
BLOCKS = tuple((b"%03d block " % n * BLOCK_BYTES)[:BLOCK_BYTES] for n in range(8))
SMALL_CHUNK_BYTES = 32
"""With chunks so small a file of more than 16 KiB needs lists."""

MAX_PAUSE_MS = 300
MAX_TIMEOUT_MS = 4_000

BROKEN_OFF = GossamerError("the upload was broken off")

Then = Callable[[], None]
T = TypeVar("T")


class Machine(Protocol):
    """A transfer without I/O."""

    @property
    def wake_at(self) -> int | None:
        """When something is due without an answer: monotonic ms."""

    def due(self, now_ms: int) -> list[Ask]:
        """What is to be sent now."""

    def answered(self, number: int, outcome: Message | GossamerError, now_ms: int) -> None:
        """Take in how a request has ended."""


class FileWorkload:
    """Each client does one thing after the other, `operations` in all. `outcomes` are counted."""

    def __init__(self, simulation: Simulation, operations: int) -> None:
        self.history = History()
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.last = "done"
        """How the last operation ended."""
        self._simulation = simulation
        self._rng = Random(f"{simulation.seed} files")
        self._left = operations
        self._busy = 0
        self._labels: dict[bytes, str] = {}

    def add(self, clients: Sequence[SimulatedClient]) -> None:
        """Let these take part."""
        self._busy += len(clients)
        for client in clients:
            self._next(client)

    def done(self) -> bool:
        """Have all operations ended?"""
        return self._busy == 0

    def _next(self, client: SimulatedClient) -> None:
        if self._left == 0:
            self._busy -= 1
            return
        self._left -= 1
        name = self._rng.choice(NAMES)
        kinds = self.upload, self.download, self.remove
        operation = self._rng.choices(kinds, (45, 40, 15))[0]
        pause_ms = self._rng.randint(
            0, 5 * MAX_PAUSE_MS if self.last in ("refused", "unknown") else MAX_PAUSE_MS
        )
        then = partial(self._next, client)
        self._simulation.after(pause_ms, partial(operation, client, name, then))

    # What clients do.

    def upload(self, client: SimulatedClient, name: str, then: Then) -> None:
        """A file that nobody has put before; or, now and then, only a part of it."""
        chunk_bytes = SMALL_CHUNK_BYTES if self._rng.random() < 0.1 else BLOCK_BYTES
        content = self._content()
        chunks = [content[i : i + chunk_bytes] for i in range(0, len(content), chunk_bytes)]
        is_broken_off = self._rng.random() < 0.15 and len(content) > INLINE_BYTES
        upload = Upload(name, len(content), self._timeout_ms(), chunk_bytes, can_be_read_again=True)
        begin_us = self._simulation.clock.now_us
        following = iter(chunks)
        is_ended = False

        def feed() -> None:
            nonlocal is_ended
            while (index := upload.wanted) is not None:
                upload.again(chunks[index], chunk_id(chunks[index]))
            while upload.room and not is_ended:
                chunk = next(following, None)
                if chunk is None:
                    is_ended = True
                    upload.end(sha256(content).hexdigest())
                    break
                upload.chunk(chunk, chunk_id(chunk))

        def outcome() -> Uploaded | GossamerError | None:
            feed()
            # Before the file is put, but not before some of its chunks are.
            is_sent = upload.done_bytes >= len(content) // 2
            return BROKEN_OFF if is_broken_off and is_sent else upload.outcome

        def ended(found: Uploaded | GossamerError) -> None:
            end_us = self._simulation.clock.now_us
            if isinstance(found, Uploaded):
                self.history.write(client.name, name, self._labels[content], begin_us, end_us)
                self._end("upload", "done", then)
            elif found is BROKEN_OFF:
                self._end("upload", "broken off", then)
            elif found.definite:
                self._end("upload", "refused", then)
            else:
                self.history.write_unknown(client.name, name, self._labels[content], begin_us)
                self._end("upload", "unknown", then)

        self._drive(client, upload, outcome, ended)

    def download(self, client: SimulatedClient, name: str, then: Then) -> None:
        """The file as it is when its manifest is read."""
        opening = Opening(name, self._timeout_ms())
        begin_us = self._simulation.clock.now_us

        def opened(found: FileIndex | GossamerError) -> None:
            end_us = self._simulation.clock.now_us
            if isinstance(found, FileIndex):
                self._fetch(client, found, begin_us, end_us, then)
                return
            if isinstance(found, FileMissing):
                self.history.read(client.name, name, None, begin_us, end_us)
                self._end("download", "done", then)
            else:
                self._end("download", "refused", then)

        self._drive(client, opening, lambda: opening.outcome, opened)

    def _fetch(
        self, client: SimulatedClient, index: FileIndex, begin_us: int, end_us: int, then: Then
    ) -> None:
        download = Download(index, self._timeout_ms())
        pieces: list[bytes] = [index.manifest.content]

        def outcome() -> int | GossamerError | None:
            pieces.extend([data for _, data in download.take() if data is not None])
            return download.outcome

        def ended(found: int | GossamerError) -> None:
            if isinstance(found, GossamerError):
                self._end("download", "refused", then)
                return
            content = b"".join(pieces)
            if sha256(content).hexdigest() != index.manifest.sha256:
                self.wrong.append(f"{index.name} was read, and is not what its manifest says")
            label = self._labels.get(content, "what nobody has uploaded")
            self.history.read(client.name, index.name, label, begin_us, end_us)
            self._end("download", "done", then)

        self._drive(client, download, outcome, ended)

    def remove(self, client: SimulatedClient, name: str, then: Then) -> None:
        """If it is there."""
        timeout_ms = self._timeout_ms()
        begin_us = self._simulation.clock.now_us

        def removed(found: Outcome) -> None:
            end_us = self._simulation.clock.now_us
            if isinstance(found, FileRemoved):
                self.history.write(client.name, name, None, begin_us, end_us)
                self._end("remove", "done", then)
            elif isinstance(found, GossamerError) and found.definite:
                self._end("remove", "refused", then)
            else:
                self.history.write_unknown(client.name, name, None, begin_us)
                self._end("remove", "unknown", then)

        client.submit(RemoveFile(name, timeout_ms), timeout_ms, removed)

    def _drive(
        self,
        client: SimulatedClient,
        machine: Machine,
        outcome: Callable[[], T | GossamerError | None],
        ended: Callable[[T | GossamerError], None],
    ) -> None:
        """Send what a transfer wants, and let it know what comes, until it has its outcome."""
        simulation = self._simulation
        is_over = False
        alarm_ms: int | None = None

        def answered(number: int, found: Outcome) -> None:
            if not is_over:
                machine.answered(number, found, simulation.now_ms)
                go_on()

        def wake(at_ms: int) -> None:
            if not is_over and at_ms == alarm_ms:
                go_on()

        def go_on() -> None:
            nonlocal is_over, alarm_ms
            found = outcome()
            for ask in machine.due(simulation.now_ms) if found is None else ():
                client.submit(ask.request, ask.timeout_ms, partial(answered, ask.number))
            found = outcome() if found is None else found
            if is_over:
                return
            if found is not None:
                is_over = True
                ended(found)
                return
            at_ms = machine.wake_at
            if at_ms is not None and at_ms != alarm_ms:
                alarm_ms = at_ms
                simulation.after(max(1, at_ms - simulation.now_ms), partial(wake, at_ms))

        go_on()

    def _content(self) -> bytes:
        """Of a few blocks, and a line that is in no other file; small ones too."""
        label = f"file {len(self._labels):06}"
        content = label.encode()
        if self._rng.random() < 0.8:
            content = b"".join(self._rng.choices(BLOCKS, k=self._rng.randint(2, 5))) + content
            assert len(content) > INLINE_BYTES
        self._labels[content] = label
        return content

    def _timeout_ms(self) -> int:
        return self._rng.choice((500, 1_500, MAX_TIMEOUT_MS))

    def _end(self, what: str, how: str, then: Then) -> None:
        self.last = how
        self.outcomes[how] += 1
        self.outcomes[f"{what} {how}"] += 1
        then()
