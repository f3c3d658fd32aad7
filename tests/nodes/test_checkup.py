"""How a node judges itself by what its actors answer."""

from __future__ import annotations

from dataclasses import replace

from actors.layout import founding
from actors.messages import FilesReport, GossiperVitals, RouterVitals, StorageVitals
from nodes.checkup import ACTORS, FRESH_MS, PATIENCE_MS, Checkup, faults, waits_for
from nodes.news import News

A, B = "a" * 16, "b" * 16
STORAGE = StorageVitals(4096, 0, 0, 0, 0, 0, True)
ROUTER = RouterVitals(0, 0)
GOSSIPER = GossiperVitals(("alive",))
FILES = FilesReport(0, 0, 0, 0, 0, 0, 0, 0, 0)
ALL = (STORAGE, ROUTER, GOSSIPER, FILES)


class Asked:
    """A checkup, whom it has asked, and whose mailboxes are full."""

    def __init__(self) -> None:
        self.actors: list[str] = []
        self.full: set[str] = set()
        self.checkup = Checkup(self._ask)

    def _ask(self, actor: str) -> bool:
        self.actors.append(actor)
        return actor not in self.full


def test_all_are_asked_and_waited_for() -> None:
    """Until each has answered."""
    asked = Asked()
    checkup = asked.checkup
    checkup.begin(0)
    assert sorted(asked.actors) == sorted(ACTORS.values())
    for vitals in ALL:
        assert checkup.wait_ms(100) == PATIENCE_MS - 100
        checkup.hear(vitals, 100)
    assert checkup.wait_ms(100) == 0
    assert checkup.silent(10_000) == []
    told = checkup.storage(), checkup.router(), checkup.files()
    assert told == (STORAGE, ROUTER, FILES)


def test_who_has_answered_just_now_is_not_asked_again() -> None:
    """Many who look cost a node no more than one."""
    asked = Asked()
    asked.checkup.begin(0)
    for vitals in ALL:
        asked.checkup.hear(vitals, 5)
    asked.actors.clear()
    asked.checkup.begin(5 + FRESH_MS - 1)
    assert asked.actors == []
    asked.checkup.begin(5 + FRESH_MS)
    assert len(asked.actors) == 4


def test_one_that_does_not_answer_is_silent_until_it_does() -> None:
    """It is not asked again meanwhile, nobody waits for it any longer, and what it told is old."""
    asked = Asked()
    checkup = asked.checkup
    checkup.begin(0)
    for vitals in ALL:
        checkup.hear(vitals, 0)
    checkup.begin(FRESH_MS)
    for vitals in ALL[1:]:
        checkup.hear(vitals, FRESH_MS)
    late_ms = FRESH_MS + PATIENCE_MS
    assert checkup.silent(late_ms - 1) == []
    assert (checkup.silent(late_ms), checkup.wait_ms(late_ms)) == (["storage"], 0)
    assert checkup.storage() is None
    assert checkup.router() == ROUTER
    asked.actors.clear()
    checkup.begin(late_ms)
    assert "storage" not in asked.actors
    checkup.hear(STORAGE, late_ms + 1)
    assert checkup.silent(late_ms + 1) == []
    assert checkup.storage() == STORAGE


def test_a_full_mailbox_is_tried_again() -> None:
    """What was not asked could not be answered; but its actor does not take its turn either."""
    asked = Asked()
    asked.full = {"router"}
    asked.checkup.begin(0)
    asked.actors.clear()
    asked.checkup.begin(500)
    assert asked.actors == ["router"]
    assert "router" in asked.checkup.silent(PATIENCE_MS)
    asked.full.clear()
    asked.actors.clear()
    asked.checkup.begin(PATIENCE_MS)
    asked.checkup.begin(PATIENCE_MS)
    assert asked.actors == ["router"]
    asked.checkup.hear(ROUTER, PATIENCE_MS)
    assert "router" not in asked.checkup.silent(PATIENCE_MS)


def test_what_is_wrong_is_said_in_sentences() -> None:
    """What has ended it first, then who is silent."""
    assert faults("", []) == []
    assert faults("the node is stopping", ["router", "storage"]) == [
        "the node is stopping",
        "its router has not answered for 2 s or longer",
        "its storage has not answered for 2 s or longer",
    ]


def test_a_node_is_ready_when_nothing_is_to_be_waited_for() -> None:
    """It belongs, keeps data, is trusted, and has all that it should have."""
    news = News()
    news.waiting = "waiting for 127.0.0.1:7100 to answer"
    assert waits_for(A, news, STORAGE) == ["waiting for 127.0.0.1:7100 to answer"]
    news.network = "net"
    assert waits_for(A, news, STORAGE) == ["waiting to be one of those who keep the data"]
    news.layout = founding([B])
    assert waits_for(A, news, STORAGE) == ["waiting to be one of those who keep the data"]
    news.layout = founding([A, B])
    assert waits_for(A, news, None) == ["waiting for its storage"]
    assert waits_for(A, news, STORAGE) == []
    assert waits_for(A, news, replace(STORAGE, to_move=9, moved=9)) == []


def test_all_that_a_node_waits_for_is_said() -> None:
    """With how much it is."""
    news = News()
    news.network, news.layout = "net", founding([A, B])
    storage = StorageVitals(4096, 4000, 1500, 300, 0, 0, False)
    assert waits_for(A, news, storage) == [
        "waiting for others to know that it has been started again",
        "1,200 of 1,500 partitions are still to be moved here",
        "of 4,000 of its 4,096 partitions it may lack something that other owners have",
    ]
