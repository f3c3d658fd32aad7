"""Cases of which a few show most of what all show: the others are tried by `make seeds`."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def first_of(cases: Iterable[object], count: int = 1) -> list[object]:
    """For parametrize: so many are tried always, the others, which take as long each, when there is
    time."""
    every = list(cases)
    rest = [pytest.param(case, marks=pytest.mark.seeds) for case in every[count:]]
    return [*every[:count], *rest]
