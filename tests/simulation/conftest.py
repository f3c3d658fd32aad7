"""What all simulations in tests have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nodes.simulated.partitions import FEW, partitions


@pytest.fixture(autouse=True)
def _few_partitions() -> Iterator[None]:
    """They have few keys, and so few partitions."""
    with partitions(FEW):
        yield
