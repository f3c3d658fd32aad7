"""What there is to be shown of a node over HTTP, and the port for it, which only some have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from actors.errors import GossamerError
from nodes.addresses import HostPort
from nodes.logs import Log
from nodes.loop import NodeInfo
from nodes.mailbox import Mailbox
from nodes.meter import Meter
from nodes.news import News
from nodes.sockets import Context
from nodes.tally import Tally

if TYPE_CHECKING:
    from nodes.node_http import NodeHttp


class Shown(NamedTuple):
    """`meters` are by port; `end` says what has ended the node, or is about to, and is empty while
    nothing is."""

    node: NodeInfo
    news: News
    tally: Tally
    meters: Mapping[str, Meter]
    end: Callable[[], str]


def open_http(
    listen: HostPort, shown: Shown, context: Context, mailboxes: dict[str, Mailbox], log: Log
) -> NodeHttp:
    """Show it there. Raises GossamerError where that cannot be, or what it needs is missing."""
    try:
        # Imported here: it takes a while, and a node without the port has no need of it.
        from nodes.node_http import NodeHttp
    except ModuleNotFoundError as error:
        raise GossamerError(
            f"--http needs {error.name}, which is not installed: pip install 'gossamer[http]'"
        ) from error
    return NodeHttp(listen, shown, context, mailboxes, log)
