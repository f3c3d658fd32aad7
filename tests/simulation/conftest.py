"""To draft a ring takes a hundred times as long as a simulated turn; each is drafted once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest

from actors import router
from actors.ring import Ring


def draft_rings_once(patch: pytest.MonkeyPatch) -> None:
    """From here on a ring of the same members is the same ring. It does not change, so that makes
    no difference but time."""
    patch.setattr(router, "Ring", lru_cache(maxsize=1_000)(Ring))


@pytest.fixture(autouse=True, scope="session")
def _rings_drafted_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        draft_rings_once(patch)
        yield
