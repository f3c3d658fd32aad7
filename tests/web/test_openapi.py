"""The OpenAPI document says what is: whatever it admits is asked, and answered as it says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nodes.gateway import _FILES, Gateway
from nodes.web.openapi import document
from tests.web.gateways import Http

CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
SENTENCES = {"operationId", "summary", "responses"}


OPERATIONS = [
    (path, method.upper())
    for path, item in document()["paths"].items()
    for method in item
    if method != "parameters" and path != "/v1/events"
]
"""All but the one whose answer does not end."""


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_what_comes_is_what_the_document_says(http: Http, path: str, method: str) -> None:
    """Of every operation, for whatever it admits."""
    schema = schemathesis.openapi.from_url(f"http://{http.address}/openapi.json")

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy())
    def comes(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    comes()


def test_every_operation_is_in_the_document() -> None:
    """And nothing else: the page's own files and its login are for the page."""
    told = {
        (path, method.upper())
        for path, item in document()["paths"].items()
        for method in item
        if method != "parameters"
    }
    routes: set[tuple[str, str]] = set()
    for route in Gateway().app.routes:
        path = route.path.replace(":path", "")  # type: ignore[attr-defined]
        methods = getattr(route, "methods", None) or route.endpoint.methods  # type: ignore[attr-defined]
        routes |= {(path, method) for method in methods if method != "HEAD"}
    pages = {*_FILES, "/login", "/logout", "/openapi.json"}
    assert {(path, method) for path, method in routes if path not in pages} == told


def test_every_operation_says_what_it_does() -> None:
    """In words, once each."""
    operations = [
        operation
        for item in document()["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert all(operation.keys() >= SENTENCES and operation["summary"] for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
