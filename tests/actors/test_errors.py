"""Errors: one registry from a code to all that is shown for it."""

from __future__ import annotations

import pytest

from actors.errors import (
    ERRORS,
    BatchError,
    GossamerError,
    KeyNotFound,
    Refused,
    TimedOut,
    Unavailable,
    Unreachable,
    error_for,
)

INDEFINITE = {"timed_out", "disk_full"}


@pytest.mark.parametrize("code", ERRORS)
def test_a_code_becomes_its_exception(code: str) -> None:
    """The exception for a code has that code, the registry's sentence and its definiteness."""
    error = error_for(code)
    assert type(error) is ERRORS[code].raises
    assert error.code == code
    assert str(error) == ERRORS[code].sentence
    assert error.definite is ERRORS[code].definite


@pytest.mark.parametrize("code", ERRORS)
def test_only_some_failures_are_indefinite(code: str) -> None:
    """Whatever is not a time-out, or a disk that filled up, has left no trace."""
    assert ERRORS[code].definite is (code not in INDEFINITE)


@pytest.mark.parametrize("kind", dict.fromkeys(kind.raises for kind in ERRORS.values()), ids=str)
def test_an_exception_stands_in_the_registry(kind: type[GossamerError]) -> None:
    """An exception that is raised without a code has one, and is what that code becomes."""
    assert ERRORS[kind.code].raises is kind
    assert kind("a reason").code == kind.code


@pytest.mark.parametrize("kind", dict.fromkeys(kind.raises for kind in ERRORS.values()), ids=str)
def test_one_exception_has_one_exit_status(kind: type[GossamerError]) -> None:
    """A script can tell failures apart as a program can."""
    assert len({row.exit_status for row in ERRORS.values() if row.raises is kind}) == 1


def test_exit_statuses_stay_clear_of_those_of_the_shell() -> None:
    """0 is success, 2 a mistake on the command line, and from 64 on others have their own."""
    statuses = {row.exit_status for row in ERRORS.values()}
    assert statuses.isdisjoint({0, 2})
    assert max(statuses) < 64


def test_http_statuses_are_those_of_errors() -> None:
    """Each is one of a client's or of a server's errors."""
    assert all(400 <= row.http_status < 600 for row in ERRORS.values())


def test_a_reply_may_say_more_than_the_registry() -> None:
    """The reason and the definiteness of a reply are kept, not replaced."""
    error = error_for("timed_out", "nobody knows", True)
    assert (str(error), error.definite) == ("nobody knows", True)


def test_a_code_nobody_knows_is_an_indefinite_failure() -> None:
    """A later version's code is no reason to break, nor to promise anything."""
    error = error_for("from_the_future")
    assert type(error) is GossamerError
    assert not error.definite
    assert "from_the_future" in str(error)


def test_errors_are_what_a_python_programmer_expects() -> None:
    """A time-out is a TimeoutError, an unreachable network a ConnectionError and unavailable."""
    assert issubclass(TimedOut, TimeoutError)
    assert issubclass(Unreachable, ConnectionError)
    assert issubclass(Unreachable, Unavailable)


def test_a_time_out_is_indefinite_unless_it_is_said_to_be_definite() -> None:
    """A read that timed out changed nothing, and says so."""
    assert not TimedOut("late").definite
    assert TimedOut("late", definite=True).definite


def test_a_batch_that_failed_in_part_has_all_results() -> None:
    """It counts the failures, names the first, and keeps what succeeded."""
    results = {"a": 1, "b": KeyNotFound("there is no b"), "c": Refused("no")}
    error = BatchError(results)
    assert error.results == results
    assert str(error) == "2 of 3 keys failed, the first being 'b': there is no b"


def test_a_batch_is_as_indefinite_as_any_of_its_failures() -> None:
    """One key of which nobody knows is enough."""
    assert BatchError({"a": Refused("no"), "b": KeyNotFound("no")}).definite
    assert not BatchError({"a": Refused("no"), "b": TimedOut("late")}).definite
