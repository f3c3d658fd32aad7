"""Values whose time is over become tombstones of the same stamp."""

from __future__ import annotations

from actors.actor import Now
from actors.expiring import Expiring
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.versions import Record
from tests.actors.envelopes import WALL_MS
from tests.actors.part_disk import PartDisk
from tests.actors.storage_parts import record

SETTINGS = StorageSettings(sweep_ms=1_000, sweep_keys=3)


class Sweeping:
    """A replica that holds these."""

    def __init__(self, *held: Record) -> None:
        self.disk = PartDisk(held)
        self.stage = Stage(self.disk, 100)
        self.expiring = Expiring(self.disk, self.stage, SETTINGS)

    def turn(self, at_ms: int) -> list[str]:
        """A turn so long after the start; the keys that have expired by now."""
        self.expiring.due(Now(at_ms, WALL_MS + at_ms))
        ok, _ = self.stage.commit()
        for then in self.stage.take_then():
            then(ok)
        assert self.expiring.wake_at is not None
        assert self.expiring.wake_at > at_ms
        return sorted(key for key, held in self.disk.records.items() if held.kind == "absent")


def test_what_has_expired_is_marked_under_its_stamp() -> None:
    """Its value is gone; when it expired stays."""
    held = record("key", expires_ms=WALL_MS + 500)
    sweeping = Sweeping(held)
    sweeping.turn(0)
    assert sweeping.disk.records == {"key": held}
    sweeping.turn(1_000)
    assert sweeping.disk.records == {"key": held._replace(kind="absent", value=b"")}


def test_it_looks_once_in_a_while() -> None:
    """Not in every turn."""
    sweeping = Sweeping(record("key", expires_ms=WALL_MS + 500))
    sweeping.turn(0)
    assert sweeping.turn(999) == []
    assert sweeping.expiring.wake_at == 1_000
    assert sweeping.turn(1_000) == ["key"]


def test_what_never_expires_stays() -> None:
    """However late it is."""
    assert Sweeping(record("key")).turn(10**9) == []


def test_what_is_written_anew_in_the_same_turn_stays() -> None:
    """The later version wins, whatever is staged first."""
    for is_first in (True, False):
        sweeping = Sweeping(record("key", expires_ms=WALL_MS))
        later = record("key", 2)
        if is_first:
            sweeping.stage.put([later])
        sweeping.expiring.due(Now(0, WALL_MS))
        sweeping.stage.put([later])
        sweeping.stage.commit()
        assert sweeping.disk.records == {"key": later}


def test_many_are_marked_a_few_at_a_time() -> None:
    """At once again while there are more, for each is a turn of its own."""
    sweeping = Sweeping(*[record(f"key{i}", expires_ms=WALL_MS) for i in range(7)])
    assert len(sweeping.turn(0)) == 3
    assert sweeping.expiring.wake_at == 1
    assert len(sweeping.turn(1)) == 6
    assert len(sweeping.turn(2)) == 7
    assert sweeping.expiring.wake_at == 1_002


def test_on_a_full_disk_it_waits() -> None:
    """It would not fit the next moment either."""
    sweeping = Sweeping(*[record(f"key{i}", expires_ms=WALL_MS) for i in range(7)])
    sweeping.disk.full = True
    assert sweeping.turn(0) == []
    assert sweeping.expiring.wake_at == 1_000
