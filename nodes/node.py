"""A node: its disk, its log, and the four actors wired together; started, and stopped again.

with Node(data="…", join=["127.0.0.1:7100"]) as node:
    print(node.address)
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Sequence
from pathlib import Path
from random import Random, SystemRandom
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from actors.actor import HOST, Address, Envelope
from actors.denials import denied_in
from actors.errors import GossamerError, NotReady, error_for
from actors.fileserver import FileServer
from actors.gossiper import Gossiper
from actors.membership import Member, fault, fault_of_name
from actors.messages import (
    Alarm,
    DeniedKeys,
    Elsewhere,
    FilesReport,
    GiveUp,
    GossiperVitals,
    LayoutIs,
    MembersChanged,
    Message,
    Noted,
    Retire,
    RouterVitals,
    Stop,
    StorageVitals,
)
from actors.router import Router
from actors.storage import Storage
from nodes.addresses import (
    BadAddress,
    HostPort,
    advertised_host,
    listen_address,
    parse_address,
)
from nodes.chunk_folder import ChunkFolder
from nodes.clocks import monotonic_ms
from nodes.disk import LmdbDisk
from nodes.file_host import FileHost
from nodes.guard import Guard, ZapHandler
from nodes.hosts import GossipHost, InnerHost
from nodes.logs import open_log
from nodes.loop import Host, Loop, NodeInfo
from nodes.mailbox import Mailbox, Post
from nodes.news import News
from nodes.node_settings import default_name, encryption_fields, file_settings
from nodes.options import size_bytes
from nodes.secret_file import read_node_keys
from nodes.shown import Shown, open_http
from nodes.sockets import new_context
from nodes.switch import SwitchHost
from nodes.tally import Tally

if TYPE_CHECKING:
    from nodes.node_http import NodeHttp

STOP_S = 2.5
"""A clean stop takes at most this long."""

STOPPING = ("fileserver", "gossiper", "router", "storage")
"""The file server asks the others until it has finished; the gossiper's good-bye leaves by the
router, and the router's last writes need storage."""


class NodeFailed(GossamerError):
    """An actor failed: a bug, or a broken disk. The node's log says more."""


class Node:
    """A node in this process; see `gossamer serve --help` for what the arguments mean.

    `data` defaults to `.data/NAME`. Sizes are in bytes, times in seconds, or texts such as "10GB"
    and "2h". With `http` the node shows metrics, and how it is, at that address; it needs the extra
    `http`. Raises BadAddress where it may not listen as it is told, BadSecret where the file with
    the `secret` may not be used, ValueError for a wrong size or time.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        join: Sequence[str] = (),
        *,
        listen: str = "127.0.0.1:7100",
        gossip_listen: str = "",
        files_listen: str = "",
        advertise: str = "",
        name: str = "",
        files_quota: int | str | None = None,
        max_file: int | str | None = None,
        extensions: str | None = None,
        chunk_grace: float | str | None = None,
        scrub_rate: int | str | None = None,
        scrub_every: float | str | None = None,
        insecure: bool = False,
        secret: str | Path | None = None,
        http: str = "",
        log_level: str = "info",
        console: TextIO | None = None,
    ) -> None:
        self._keys = None if secret is None else read_node_keys(secret)
        if self._keys is not None and insecure:
            raise BadAddress("with a secret nobody else gets in: leave --insecure out")
        self._listen = parse_address(listen)
        self._gossip_listen = listen_address("gossip", self._listen, gossip_listen)
        self._files_listen = listen_address("files", self._listen, files_listen)
        anywhere = insecure or self._keys is not None
        self._advertise = advertised_host(self._listen, advertise, anywhere=anywhere)
        for other in (self._gossip_listen, self._files_listen):
            advertised_host(other, str(self._advertise), anywhere=anywhere)
        self._http_listen = parse_address(http, 0) if http else None
        self._quota_bytes = None if files_quota is None else size_bytes(files_quota)
        self._file_settings = file_settings(
            max_file, extensions, chunk_grace, scrub_rate, scrub_every
        )
        self._join = [str(parse_address(address)) for address in join]
        self._log_level = log_level
        self._console = console
        self.name = name or default_name(self._listen.port)
        if self.name and (wrong := fault_of_name(self.name)):
            raise BadAddress(f"{self.name!r} is no name for a node: {wrong}")
        if data is None and not self.name:
            raise BadAddress("a node on port 0 needs a name or a data folder")
        self.data = Path(data) if data is not None else Path(".data") / self.name
        self.id = ""
        self.address = ""
        self.http_address = ""
        self._guard: Guard | None = None
        self._loops: dict[str, Loop] = {}
        self._changed = threading.Condition()
        self._news = News()
        self._http: NodeHttp | None = None
        self._is_stopping = False
        self._stopped = False
        self._error: GossamerError | None = None

    def start(self) -> None:
        """Open the data folder and the ports, then begin; `wait_ready` waits for the network.

        Raises DataFolderError, or GossamerError where an address cannot be listened on.
        """
        self._disk = LmdbDisk(self.data)
        try:
            self._chunks = ChunkFolder(self.data, self._quota_bytes)
        except BaseException:
            self._disk.close()
            raise
        boot = self._disk.boot
        self.id = boot.node_id
        self.name = self.name or f"{platform.node()}:{boot.node_id[:6]}"
        self._log = open_log(self.data / "log.jsonl", self.name, self._log_level, self._console)
        self._tally = Tally(self._log.events)
        self._context = new_context()
        try:
            self._set_guard()
            self._me = me = self._open_loops(NodeInfo(self.id, self.name))
            if wrong := fault(me):
                raise BadAddress(f"this node cannot be a member: {wrong}")
            self._open_http()
        except GossamerError:
            self._close()
            raise
        self._log.events.info(
            "started",
            node_id=self.id,
            address=me.address,
            gossip_address=me.gossip_address,
            files_address=me.files_address,
            **({"http_address": self.http_address} if self.http_address else {}),
            data=str(self.data),
            boot=boot.count,
            join=self._join,
            pid=os.getpid(),
            **encryption_fields(self._keys),
        )
        rng = Random(SystemRandom().getrandbits(128))
        storage = Storage(
            self.id,
            self._disk,
            boot.count,
            boot.name,
            boot.clock_limit,
            boot.notes,
            Random(rng.getrandbits(128)),
        )
        files_rng = Random(rng.getrandbits(128))
        files = FileServer(self.id, self._chunks, boot.count, files_rng, self._file_settings)
        self._loops["storage"].run_actor(storage)
        self._loops["router"].run_actor(Router(self.id, boot.name, boot.count, boot.clock_limit))
        self._loops["fileserver"].run_actor(files)
        self._loops["gossiper"].run_actor(Gossiper(me, boot.name, self._join, boot.notes, rng))

    def _set_guard(self) -> None:
        """With a secret: who decides whom to let in is there before there is a door."""
        if self._keys is not None:
            self._guard = Guard(self._keys, frozenset(denied_in(self._disk.boot.notes)))
            ZapHandler(self._context, self._guard, self._count, self._on_guard).start()

    def _count(self, reason: str, **fields: Any) -> None:
        self._tally.add(reason, monotonic_ms(), **fields)

    def _on_guard(self, error: BaseException) -> None:
        self._log.events.critical("guard_failed", exc_info=error)
        self._on_failure("guard", error)

    def _open_loops(self, node: NodeInfo) -> Member:
        """Open every actor's sockets, before any of them says anything; this node's own record."""
        mailboxes = {name: Mailbox(name) for name in STOPPING}
        tally, guard = self._tally, self._guard
        trace_all = self._log_level == "debug"
        context, log = self._context, self._log
        news = self._on_news
        switch = SwitchHost(
            node,
            context,
            mailboxes,
            news,
            tally,
            self._listen,
            log,
            trace_all=trace_all,
            guard=guard,
        )
        gossip = GossipHost(node, context, mailboxes, news, tally, self._gossip_listen, guard)
        storage = InnerHost(
            "storage", node, context, mailboxes, news, tally, self._disk.take_sync_us
        )
        files = FileHost(
            node,
            context,
            mailboxes,
            news,
            tally,
            self._files_listen,
            log,
            self._chunks.take_sync_us,
            trace_all=trace_all,
            guard=guard,
        )
        hosts: dict[str, Host] = {"storage": storage, "router": switch}
        hosts |= {"fileserver": files, "gossiper": gossip}
        for name, host in hosts.items():
            loop = Loop(name, node, host, log, self._on_failure)
            loop.open()
            self._loops[name] = loop
        self._mailboxes = mailboxes
        self._meters = {"requests": switch.meter, "files": files.meter}
        told = HostPort(self._advertise.host, self._advertise.port or switch.port)
        self.address = str(told)
        return Member(
            id=self.id,
            name=self.name,
            address=self.address,
            gossip_address=str(HostPort(told.host, gossip.port)),
            files_address=str(HostPort(told.host, files.port)),
            boot=self._disk.boot.count,
            incarnation=1,
            state="alive",
        )

    def _open_http(self) -> None:
        if self._http_listen is None:
            return
        node, meters = NodeInfo(self.id, self.name), self._meters
        shown = Shown(node, self._news, self._tally, meters, self._end_reason)
        self._http = open_http(self._http_listen, shown, self._context, self._mailboxes, self._log)
        self.http_address = self._http.address

    def _end_reason(self) -> str:
        """What has ended this node, or is about to; empty while nothing is."""
        if self._error is not None:
            return str(self._error)
        return "the node is stopping" if self._is_stopping or self._stopped else ""

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Return once the node belongs to a network and serves.

        Raises NotReady with what it waits for, or what ended the node.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._news.network or self._error, timeout_s)
            if self._error is not None:
                raise self._error
            if not self._news.network:
                why = self._news.waiting
                raise NotReady(f"{self.name} is not ready after {timeout_s:g} s: {why}")

    def wait(self) -> None:
        """Return when the node was stopped by another thread; raise what ended it otherwise."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._error)
            if self._error is not None:
                raise self._error

    def request_stop(self) -> None:
        """Make `wait` return; may be called by a signal's handler."""
        # Not under the lock: the handler may have interrupted the thread that holds it.
        self._stopped = True
        threading.Thread(target=self._tell, daemon=True).start()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Tell the members, answer what is under way, close everything: within three seconds."""
        self._is_stopping = True
        deadline_ms = monotonic_ms() + int(STOP_S * 1_000)
        post = Post(self._context, self._mailboxes)
        own = Address(self.id, HOST)
        for name in STOPPING:
            loop = self._loops[name]
            if loop.is_alive():
                post.send(name, [Envelope(Address(self.id, name), own, Stop())])
                loop.join(max(0, deadline_ms - monotonic_ms()) / 1_000)
        post.close()
        self._tally.summarise(monotonic_ms(), at_once=True)
        stuck = [name for name, loop in self._loops.items() if loop.is_alive()]
        if self._http is not None and not self._http.close():
            stuck.append("http")
        if stuck:
            self._log.events.error("not_stopped", actors=stuck)
        else:
            self._log.events.info("stopped", node_id=self.id)
            self._close()
        self.request_stop()

    def _close(self) -> None:
        for loop in self._loops.values():
            if loop.is_alive():
                loop.run_actor(None)
                loop.join(STOP_S)
        self._context.term()
        self._chunks.close()
        self._disk.close()
        self._log.close()

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _on_news(self, message: Message) -> None:
        match message:
            case MembersChanged() as changed:
                self._news.on_members(changed, self._me, self._log.events)
                self._tell()
            case LayoutIs(layout):
                self._news.on_layout(layout, self._log.events)
            case StorageVitals() | RouterVitals() | GossiperVitals() | FilesReport() as vitals:
                if self._http is not None:
                    self._http.hear(vitals)
            case GiveUp(code, reason):
                if self._error is None:
                    self._log.events.error("refused", code=code, reason=reason)
                self._end(error_for(code, reason))
            case DeniedKeys(keys) if self._guard is not None:
                for event, which in self._guard.deny(keys):
                    self._log.events.warning(event, keys=which)
            case Alarm() | Elsewhere() | Noted() as word:
                self._news.on_word(word, self._log.events)
            case Retire():
                self._log.events.info("left", network_left=True)
                self.request_stop()

    def _on_failure(self, actor: str, error: BaseException) -> None:
        self._end(NodeFailed(f"the {actor} of {self.name} failed: {error}"))

    def _end(self, error: GossamerError) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()
