"""The tests of rules that seeds seldom put to the test: with one left out the test of it fails.

What these rules are for takes messages that are on their way for several epochs, or disks that are
lost in one second: seeds seldom bring that about, so it is put in scene here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from actors import placing, sweeping
from actors.actor import Envelope, Now
from actors.filing import Filing
from actors.inquiry import Inquiry
from actors.messages import CompareTrees, Pull, PutRecord
from actors.storage import Storage
from actors.sweeping import Sweeping
from tests.actors import test_filing, test_placing, test_sweeping
from tests.actors.test_storage_layouts import (
    test_who_is_at_another_epoch_is_answered_with_the_layout as fenced,
)


def in_any_epoch(patch: pytest.MonkeyPatch) -> None:
    """That all have said no once is enough, whatever is still under way."""
    patch.setattr(sweeping, "EPOCHS", 0)


def without_a_touch(patch: pytest.MonkeyPatch) -> None:
    """Who asks for chunks does not keep them from being collected."""

    def has(sweeping: Sweeping, chunks: Sequence[str], checked: bool = False) -> list[bool]:
        del checked
        sweeping.suspect(chunks)
        return sweeping._keeping.has(chunks)

    patch.setattr(Sweeping, "touch", has)


def written_in_any_epoch(patch: pytest.MonkeyPatch) -> None:
    """A manifest may be written long after its chunks were held."""
    ask = Filing._ask

    def late(filing: Filing, request: Any, *rest: Any) -> None:
        if isinstance(request, PutRecord):
            request = PutRecord(request.key, request.value, 2**60, request.timeout_ms)
        ask(filing, request, *rest)

    patch.setattr(Filing, "_ask", late)


def without_all_answers(patch: pytest.MonkeyPatch) -> None:
    """Whoever does not answer is taken to need nothing."""
    answered = Inquiry._answered

    def anyway(inquiry: Inquiry, question: Any) -> None:
        question.is_whole = True
        answered(inquiry, question)

    patch.setattr(Inquiry, "_answered", anyway)


def pages_served_in_any_epoch(patch: pytest.MonkeyPatch) -> None:
    """What is to be moved is served before the epoch is adopted in which it moves."""
    take = Storage._on

    def serve_anyway(storage: Storage, envelope: Envelope, now: Now) -> None:
        request: Any = envelope.message
        if isinstance(request, CompareTrees | Pull):
            request = replace(request, epoch=storage._steward.layout.epoch)
        take(storage, replace(envelope, message=request), now)

    patch.setattr(Storage, "_on", serve_anyway)


def acknowledged_by_one_owner(patch: pytest.MonkeyPatch) -> None:
    """A chunk on one disk counts as kept."""
    patch.setattr(placing, "majority", lambda owners: 1)


@pytest.mark.parametrize(
    ("mutant", "test"),
    [
        (
            acknowledged_by_one_owner,
            test_placing.test_a_full_disk_is_told_of_and_nothing_is_kept_on_it,
        ),
        (acknowledged_by_one_owner, test_placing.test_what_is_on_enough_disks_need_not_be_sent),
        (in_any_epoch, test_sweeping.test_a_chunk_goes_only_two_epochs_after_it_was_suspected),
        (without_a_touch, test_sweeping.test_a_put_of_what_is_there_already_counts_on_it_too),
        (
            without_a_touch,
            test_sweeping.test_what_is_counted_on_while_others_are_asked_about_it_stays,
        ),
        (
            written_in_any_epoch,
            test_filing.test_a_manifest_is_written_in_the_epoch_after_its_chunks_were_held_at_the_latest,
        ),
        (pages_served_in_any_epoch, partial(fenced, "compare", 1)),
        (pages_served_in_any_epoch, partial(fenced, "pull", 1)),
        (without_all_answers, test_sweeping.test_nothing_goes_while_a_member_is_down),
    ],
)
def test_a_mutant_is_caught(
    mutant: Callable[[pytest.MonkeyPatch], None],
    test: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the test that tells the rule."""
    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        test()
