"""The measurement of a gateway: a load beside a bare route, slow clients, files, and its report."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from bench import web, web_slow
from bench.curve import Nodes
from bench.files import MIB
from bench.process import node
from bench.samples import Spread
from bench.web import Measured
from bench.web_files import COMMAND, HTTP, SIDES, TRANSFERS, Moved
from bench.web_load import BARE, GATEWAY, METHODS, Loaded
from bench.web_report import compared, web_as_json, web_tables
from bench.web_slow import SlowRound, Waited


def printed(result: Measured) -> str:
    """The tables as they are printed."""
    console = Console(width=120)
    with console.capture() as capture:
        for table in web_tables(result):
            console.print(table)
    return capture.get()


def measured(rates: Sequence[float], p99_us: Sequence[float]) -> Measured:
    """Two rounds: the bare route answers a thousand a second, and a get of whom nobody is beside
    takes 100 µs; the others are as said. A transfer over HTTP takes twice as long."""
    result = Measured(2, 1.0, 3 * MIB)
    for method in METHODS:
        result.loads[method, GATEWAY] = [Loaded(rate, 1, 2, 300, 200, 20) for rate in rates]
        result.loads[method, BARE] = [Loaded(1_000, 1, 2, 100, 0, 20)] * 2
    alone = Waited(50, 100, 40)
    result.slow = [SlowRound(alone, Waited(50, us, 90)) for us in p99_us]
    for what in TRANSFERS:
        result.transfers[what, HTTP] = [Moved(2.0, 40, 60)] * 2
        result.transfers[what, COMMAND] = [Moved(1.0, 0, 0)] * 2
    return result


@pytest.mark.seeds
def test_a_gateway_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, a little: what each part asks is answered, and nothing is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(web_slow, "FILE_MIB", 4)

    @contextlib.contextmanager
    def one_node(folder: Path, secret: Path | None) -> Iterator[Nodes]:
        with node(folder / "node", secret=secret) as serving:
            yield Nodes(serving.address, [serving.pid], 1)

    result = web.run(one_node, 1, 0.05, 1, lambda _: None, slow=4)
    if shutil.which("wrk"):
        assert len(result.loads) == 4
        for (_, side), [loaded] in result.loads.items():
            assert min(loaded.rate_per_s, loaded.median_us, loaded.server_us, loaded.wrk_us) > 0
            assert bool(loaded.nodes_us) == (side == GATEWAY)
    [waited] = result.slow
    assert min(*waited.alone, *waited.beside) > 0
    if shutil.which("curl"):
        assert set(result.transfers) == {(what, side) for what in TRANSFERS for side in SIDES}
        assert all(moved.seconds > 0 for [moved] in result.transfers.values())
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence for each; the rest is measured and shown."""
    alone = Waited(50, 100, 40)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(web, "run_slow", lambda *_: [SlowRound(alone, alone)])
    said: list[str] = []

    def start(folder: Path, secret: Path | None) -> contextlib.AbstractContextManager[Nodes]:
        raise AssertionError("nobody is there to ask a network")

    result = web.run(start, 1, 1.0, 1, said.append)
    assert [sentence.split()[0] for sentence in said] == ["wrk", "curl"]
    assert (result.loads, result.transfers) == ({}, {})
    assert "slow clients" in printed(result)


def test_ratios_are_taken_within_a_round() -> None:
    """Their medians are held against the bounds."""
    rows = {row.what: row for row in compared(measured([400, 800], [150, 450]))}
    rate = rows["GET: rate, gateway ÷ bare route"]
    assert (rate.ratio, rate.reached) == (Spread(0.6000000000000001, 0.4, 0.8), True)
    assert rows["PUT: rate, gateway ÷ bare route"].reached is None
    cpu = rows["GET: processor time, gateway ÷ bare route"]
    assert (cpu.ratio, cpu.reached) == (Spread(3, 3, 3), None)
    p99 = rows["p99 of a get, beside slow clients ÷ without"]
    assert (p99.ratio, p99.reached) == (Spread(3, 1.5, 4.5), False)
    assert rows["upload: time, HTTP ÷ gossamer"].ratio == Spread(2, 2, 2)


def test_the_tables_have_medians_and_the_json_every_round() -> None:
    """And the JSON has the ratios too."""
    result = measured([400, 800], [150, 450])
    table = [line.split("│") for line in printed(result).splitlines()]
    rows = {cells[1].strip(): [c.strip() for c in cells[2:-1]] for cells in table if len(cells) > 2}
    assert rows["GET, gateway"] == ["600", "0.0", "0.0", "300 µs", "200 µs", "20 µs"]
    assert rows["GET, bare route"][3:] == ["100 µs", "", "20 µs"]
    assert rows["slow clients"] == ["0.05", "0.30", "90"]
    assert rows["upload, HTTP"] == ["2.00", "2", "40", "60"]
    assert rows["upload, gossamer"] == ["1.00", "3", "", ""]
    report = orjson.loads(orjson.dumps(web_as_json(result)))
    assert [each["rate_per_s"] for each in report["load"][0]["rounds"]] == [400, 800]
    assert report["ratios"][0]["target"] == "≥ 0.5"
    assert report["slow"][1]["beside"]["p99_us"] == 450
