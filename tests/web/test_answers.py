"""Every error of a client has a status of HTTP, and is told as a problem."""

from __future__ import annotations

import json

import pytest

from actors.errors import ERRORS, BatchError, error_for
from nodes.web.answers import OWN_CODES, Problem, response_of


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_has_the_status_that_the_registry_says(code: str) -> None:
    """With its code and its sentence; where it is worth the while to try again, when."""
    response = response_of(error_for(code, "a sentence"))
    told = json.loads(bytes(response.body))
    status = ERRORS[code].http_status
    assert (response.status_code, told["status"], told["code"]) == (status, status, code)
    assert (told["detail"], told["definite"]) == ("a sentence", ERRORS[code].definite)
    assert response.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in response.headers) == (status == 503)


@pytest.mark.parametrize("code", OWN_CODES)
def test_what_the_gateway_refuses_was_not_done(code: str) -> None:
    """It says so, and no other error has its code."""
    assert code not in ERRORS
    told = json.loads(bytes(Problem(code, "a sentence").response().body))
    assert (told["status"], told["code"]) == (OWN_CODES[code], code)
    assert (told["detail"], told["definite"]) == ("a sentence", True)


def test_of_a_batch_the_first_failure_is_told() -> None:
    """It is as of that one key."""
    error = BatchError({"a": 1, "b": error_for("unavailable", "no"), "c": error_for("failed")})
    response = response_of(error)
    assert (response.status_code, json.loads(bytes(response.body))["code"]) == (503, "unavailable")


def test_an_error_of_a_later_version_is_a_failure() -> None:
    """Its code is told as it is."""
    response = response_of(error_for("new_code", "a sentence"))
    assert response.status_code == 500
