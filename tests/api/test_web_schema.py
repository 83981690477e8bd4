"""The API does what its description says, whatever it is sent (S5)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from acir.api.app import create_app
from acir.workflows.serving.settings import ServeSettings
from made_browser import listening
from made_web import Token

# Of schemathesis' own making, now and then.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
COMMON: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


@pytest.fixture(scope="module")
def admin(holders: dict[str, Token]) -> Token:
    return holders["admin"]


@pytest.fixture(scope="module")
def address(place: Path, admin: Token) -> Iterator[str]:
    with listening(create_app(ServeSettings(index=str(place)))) as found:
        yield found


@pytest.fixture(scope="module")
def described(address: str, admin: Token) -> Any:  # noqa: ANN401 - schemathesis' own
    return schemathesis.openapi.from_url(f"{address}/openapi.json", headers=admin.headers)


def conforms(described: Any, admin: Token, count: int) -> int:  # noqa: ANN401 - as above
    """Send every operation what it describes and what it does not; return how many there are."""
    operations = [found.ok() for found in described.get_all_operations()]
    for operation in operations:
        for mode in GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)

            @settings(max_examples=count, **COMMON)
            @given(case=strategy)
            def check(case: Any) -> None:  # noqa: ANN401 - as above
                case.call_and_validate(headers=admin.headers, checks=CHECKS)

            try:
                check()
            except Unsatisfiable:  # nothing about this operation could be wrong
                assert mode is GenerationMode.NEGATIVE
    return len(operations)


def test_every_operation_is_as_described(described: Any, admin: Token) -> None:  # noqa: ANN401 - as above
    assert conforms(described, admin, 3) >= 14


@pytest.mark.soak
def test_every_operation_is_as_described_two_hundred_times(described: Any, admin: Token) -> None:  # noqa: ANN401 - as above
    assert conforms(described, admin, 100) >= 14  # as described and otherwise, a hundred each


def test_every_operation_is_described_with_its_problems(address: str, admin: Token) -> None:
    found = httpx2.get(f"{address}/openapi.json", headers=admin.headers).json()
    assert found["security"] == [{"token": []}]
    operations = [
        (path, operation) for path, item in found["paths"].items() for operation in item.values()
    ]
    assert len(operations) >= 14
    for path, operation in operations:
        assert operation["summary"], path
        assert "401" in operation["responses"], path
        assert "application/problem+json" in operation["responses"]["401"]["content"], path
    assert not any(path.startswith("/search") for path, _ in operations)
