"""A pytest plugin for projects that use Gossamer: the fixture `gossamer_network`.

It is loaded in every run of pytest where Gossamer is installed: so all but pytest is imported only
by a test that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nodes.local_network import LocalNetwork


@pytest.fixture
def gossamer_network(tmp_path: Path) -> Iterator[Callable[..., LocalNetwork]]:
    """Begin a network of real nodes in this process: `gossamer_network(3)`, a LocalNetwork.

    It is ready when that returns: all know each other, and every partition has all its copies. Its
    data is in the test's `tmp_path`; what else is given is for every Node. At the end of the test
    its nodes are stopped, whatever the test's outcome.
    """
    from nodes.local_network import LocalNetwork

    with ExitStack() as networks:
        begun = 0

        def begin(count: int = 3, **settings: object) -> LocalNetwork:
            nonlocal begun
            begun += 1
            folder = tmp_path / f"gossamer{begun}"
            return networks.enter_context(LocalNetwork(count, folder, **settings))

        yield begin
