"""The measurement of what encryption costs: both sides are asked the same, round by round."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from bench import curve
from bench.curve import ALL, ENCRYPTED, PLAIN, SIDES, Measured, Nodes, Taken
from bench.curve_report import curve_as_json, curve_rows, curve_table
from bench.files import MIB
from bench.process import node
from bench.samples import Spread
from gossamer import Client, Unavailable


def printed(result: Measured) -> str:
    """The table as it is printed."""
    console = Console(width=120)
    with console.capture() as capture:
        console.print(curve_table(result))
    return capture.get()


def measured(encrypted_us: Sequence[float]) -> Measured:
    """Two rounds: the plain side takes 100 µs for everything, the other one as long as said, and
    each half as much processor time."""
    sides = {PLAIN: [100.0, 100.0], ENCRYPTED: encrypted_us}
    result = Measured(2, 1.0, 3 * MIB, dict.fromkeys(SIDES, 3))
    for what in ALL:
        for side, times_us in sides.items():
            for us in times_us:
                result.keep(what, side, Taken(us, us / 2))
    return result


@pytest.mark.seeds
def test_both_sides_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no secret is refused by the one and admitted by the other; nothing is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    encrypts: list[bool] = []

    @contextlib.contextmanager
    def one_node(folder: Path, secret: Path | None) -> Iterator[Nodes]:
        with node(folder / "node", secret=secret) as serving:
            with Client(serving.address) as client:
                try:
                    client.get("key", None)
                    encrypts.append(False)
                except Unavailable:
                    encrypts.append(True)
            yield Nodes(serving.address, [serving.pid], 1)

    result = curve.run(one_node, 1, 0.01, 1, lambda _: None)
    assert encrypts == [False, True] * 2
    assert set(result.taken) == {(what, side) for what in ALL for side in SIDES}
    assert all(min(taken) > 0 for [taken] in result.taken.values())
    assert list(tmp_path.iterdir()) == []


def test_sides_are_compared_round_by_round() -> None:
    """The times of a round are divided and subtracted; the median, the least and the most."""
    for row in curve_rows(measured([150.0, 300.0])):
        assert (row.plain, row.encrypted) == (Taken(100, 50), Taken(225, 112.5))
        assert row.time_ratio == row.cpu_ratio == Spread(2.25, 1.5, 3.0)
        assert row.more_cpu_us == Spread(62.5, 25, 100)


def test_lone_calls_have_times_and_the_others_rates() -> None:
    """The JSON has the same rows, and says how they were measured."""
    result = measured([200.0, 200.0])
    table = [line.split("│") for line in printed(result).splitlines()]
    rows = {cells[1].strip(): [c.strip() for c in cells[2:5]] for cells in table if len(cells) > 1}
    assert rows["get × 1"] == ["100 µs", "200 µs", "2.00 (2.00–2.00)"]
    assert rows["put × 64"] == ["10,000 /s", "5,000 /s", "2.00 (2.00–2.00)"]
    assert rows["upload"] == ["10,486 MB/s", "5,243 MB/s", "2.00 (2.00–2.00)"]
    report = curve_as_json(result)
    assert (report["rounds"], report["seconds"], report["size_bytes"]) == (2, 1.0, 3 * MIB)
    assert report["rows"][0]["time_ratio"] == {"median": 2.0, "least": 2.0, "most": 2.0}
