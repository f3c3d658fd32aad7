"""Each life of a node says hello to the members, who remember the latest: a folder that is an older
copy is found out by that, before it answers for what it has forgotten.
"""

from __future__ import annotations

import json

from actors.actor import Envelope, Now
from actors.census import Census
from actors.layout import Layout, majority
from actors.messages import Hello, LayoutIs, Message, Welcome
from actors.outbox import Outbox
from actors.stage import Stage
from actors.storage_settings import StorageSettings

MAX_BOOT_BYTES = 64
MAX_COUNT = 2**62
MAX_ASKED = 10_000
"""So many requests may be answered late."""

Life = tuple[int, str]
"""The count of a boot and its name."""


class Greeting:
    """Of the life (`count`, `boot`) of node `here`. `refused` says why it must end, if it must."""

    def __init__(
        self,
        here: str,
        life: Life,
        notes: dict[str, bytes],
        stage: Stage,
        outbox: Outbox,
        census: Census,
        settings: StorageSettings,
    ) -> None:
        self._here = here
        self._life = life
        self._stage = stage
        self._outbox = outbox
        self._census = census
        self._settings = settings
        self._lives: dict[str, Life] = {}
        for name, note in notes.items():
            kind, _, member = name.partition(" ")
            if kind == "boot" and member and note:
                known, boot = json.loads(note)
                self._lives[member] = known, boot
        self._staged: dict[str, Life] = {}
        self._asked: dict[int, str] = {}
        self._heard: set[str] = set()
        self._is_known = life[0] == 1
        self._again_ms: int | None = None
        self.refused = ""

    @property
    def wake_at(self) -> int | None:
        """When to say hello again, if anybody is to be told: monotonic ms."""
        return self._again_ms

    def is_welcome(self, layout: Layout) -> bool:
        """May this node answer, as a member of this layout? In its first life nobody can have seen
        an earlier one; once welcome, it is for the rest of its life."""
        if self.refused or self._here not in layout.members:
            return False
        known_to = [m for m in layout.voters if m == self._here or m in self._heard]
        return self._is_known or len(known_to) >= majority(len(layout.voters))

    def begin(self, layout: Layout) -> None:
        """Another layout is on the disk: there may be others to be told."""
        self._note_welcome(layout)
        self._again_ms = 0
        for member in layout.gone:
            if self._lives.pop(member, None) is not None:
                self._stage.note(f"boot {member}", b"")

    def due(self, layout: Layout, now: Now) -> None:
        """Say hello to those that have not answered; once welcome, to those of them that are there,
        and at leisure."""
        if self._again_ms is None or now.mono_ms < self._again_ms:
            return
        self._again_ms = None
        if self.refused or self._here not in layout.members:
            return
        if not self._census.network:
            # The gossiper is not confirmed yet: this may be a copy of a folder that is in use. It
            # must not use up the number of a life that the original has or will have.
            self._again_ms = now.mono_ms + self._settings.hello_retry_ms
            return
        welcome = self.is_welcome(layout)
        others = sorted({*layout.members, *self._census.others()} - {self._here, *self._heard})
        if welcome:
            others = [member for member in others if not self._census.is_down(member)]
        for member in others:
            self._asked[self._outbox.send(member, Hello(*self._life))] = member
        while len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        if others:
            settings = self._settings
            pause_ms = settings.layout_ask_ms if welcome else settings.hello_retry_ms
            self._again_ms = now.mono_ms + pause_ms

    def members_changed(self) -> None:
        """Somebody may be there again that has not answered yet."""
        if self._again_ms is None:
            self._again_ms = 0

    def on_hello(self, envelope: Envelope, layout: Layout) -> None:
        """Another has begun a life: remember it, or say that there was a later one."""
        hello, sender = envelope.message, envelope.sender.node
        assert isinstance(hello, Hello)
        is_possible = 1 <= hello.count <= MAX_COUNT and 1 <= len(hello.boot) <= MAX_BOOT_BYTES
        if not is_possible or sender == self._here:
            self._outbox.drop("a life that cannot be")
        elif sender in layout.gone:
            self._outbox.reply(envelope, LayoutIs(layout))
        elif sender not in layout.members and not self._census.is_known(sender):
            self._outbox.drop("a hello of a stranger")
        else:
            self._remember(envelope, (hello.count, hello.boot))

    def on_welcome(self, envelope: Envelope, layout: Layout) -> None:
        """Another remembers this life, or a later one."""
        welcome, sender = envelope.message, envelope.sender.node
        assert isinstance(welcome, Welcome)
        if self._asked.get(envelope.id) != sender:
            return
        del self._asked[envelope.id]
        count = self._life[0]
        if welcome.welcome:
            self._heard.add(sender)
            self._note_welcome(layout)
        elif welcome.known < count:
            self._outbox.drop("a welcome that cannot be")
        else:
            self.refused = (
                f"the data folder is an older copy: life {welcome.known} of this node was seen "
                f"already, and this is life {count}; it has forgotten what it acknowledged since. "
                "Start it with an empty folder"
            )

    def _remember(self, envelope: Envelope, life: Life) -> None:
        sender = envelope.sender.node
        known = self._staged.get(sender) or self._lives.get(sender, (0, ""))
        if life[0] > known[0]:
            self._staged[sender] = life
            self._stage.note(f"boot {sender}", json.dumps(life).encode())
            answer: Message = Welcome(True, life[0])
        else:
            answer = Welcome(life == known, known[0])

        def then(ok: bool) -> None:
            staged = self._staged.pop(sender, None)
            if ok and staged is not None:
                self._lives[sender] = staged
            if ok:
                self._outbox.reply(envelope, answer)

        self._stage.then(then)

    def _note_welcome(self, layout: Layout) -> None:
        self._is_known = self._is_known or self.is_welcome(layout)
