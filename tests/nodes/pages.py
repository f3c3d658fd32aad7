"""What nodes show over HTTP, as a test asks for it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from nodes.node import Node
from tests.networks import DEADLINE_S


class Page(NamedTuple):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """What it says."""
        return json.loads(self.text)


def page(address: str, path: str, method: str = "GET", accept: str = "") -> Page:
    """Ask for it, over a connection of its own."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=DEADLINE_S)
    try:
        connection.request(method, path, headers={"accept": accept} if accept else {})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Page(answer.status, headers, answer.read().decode())
    finally:
        connection.close()


class Samples:
    """The metrics of a node as they were just now, or up to a second ago."""

    def __init__(self, node: Node) -> None:
        self.text = page(node.http_address, "/metrics").text
        self.all = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }

    def of(self, name: str, **labels: str) -> float | None:
        """One value, if there is one."""
        return self.all.get((name, frozenset(labels.items())))
