"""Services behave as their API descriptions say, so generated clients work."""

import importlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import product
from typing import Any, TypeAlias

import asyncpg
import pytest
import schemathesis
from argon2 import PasswordHasher
from cathouse_auth.services.passwords import Passwords
from cathouse_kit.docs import OPENAPI_PATH
from cathouse_kit.registry import Service
from cathouse_kit.settings import ServiceSettings
from cathouse_kit.testing import Descriptions, Issuer, empty_tables, running
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, Config, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Err
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .surroundings import Known, OtherServices, Populating, Surroundings, running_cat

# The number of requests is for each operation.
SOME = settings(
    max_examples=20,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
CONFIG: dict[str, Any] = {
    # The callers bring their own Authorization.
    "generation": {"with-security-parameters": False},
    # Generated requests must not depend on constants in the services' sources.
    "analysis": {"constants": {"enabled": False}},
}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
UNLIMITED = "1000000/second"
SETTINGS: dict[str, dict[str, Any]] = {
    "auth": {
        "login_limit_by_address": UNLIMITED,
        "login_limit_by_account": UNLIMITED,
        "register_limit_by_address": UNLIMITED,
        "register_limit_by_account": UNLIMITED,
    },
    "proxy": {"rate_limit_per_installation": UNLIMITED, "proxy_allow_private_upstreams": True},
}

Make = Callable[[], FastAPI]
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
Cases = st.SearchStrategy[Case[Any]]


@pytest.fixture(scope="module")
def cat_url() -> Iterator[str]:
    with running_cat() as url:
        yield url


@pytest.fixture
def others(issuer: Issuer, descriptions: Descriptions, cat_url: str) -> OtherServices:
    return OtherServices(issuer, descriptions, cat_url)


@pytest.fixture
def make(
    service: Service,
    settings_class: type[ServiceSettings],
    database_urls: dict[str, str],
    service_token: str,
    others: OtherServices,
) -> Make:
    """Return a function that creates the service's app."""
    chosen = settings_class(
        _env_file=None,
        database_url=database_urls[service.name],
        service_token=service_token,
        **SETTINGS.get(service.name, {}),
    )
    create: Callable[..., FastAPI]
    create = importlib.import_module(f"{service.package}.main").create_app
    # With real costs, hashing would take most of the time.
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    parts = {"passwords": cheap} if service.name == "auth" else {}
    return lambda: create(chosen, transport=others, **parts)


@pytest.fixture
async def surroundings(
    make: Make,
    service: Service,
    issuer: Issuer,
    others: OtherServices,
    service_token: str,
    database_urls: dict[str, str],
    superuser: asyncpg.Connection,
) -> AsyncIterator[Surroundings]:
    async with running(make()) as client:
        url = database_urls[service.name]
        yield await Populating(client, issuer, others, service_token, url)(service.name)
    await empty_tables(superuser, service.schema)


@pytest.fixture
def described(make: Make) -> Iterator[schemathesis.BaseSchema]:
    """Load the description of the service. It runs in another thread, because schemathesis is not async."""
    yield schemathesis.openapi.from_asgi(OPENAPI_PATH, make(), config=Config.from_dict(CONFIG))
    asgi.shutdown_lifespans()


def test_the_examples_are_requests_that_succeed(
    described: schemathesis.BaseSchema, surroundings: Surroundings
) -> None:
    """Each operation's examples, with existing ids, get a described 2xx response for one of the callers."""
    for operation in operations(described):
        examples = operation.get_strategies_from_examples() or [operation.as_strategy()]
        case = first(st.one_of(examples))
        answers = []
        for who, values in product(surroundings.callers, choices(case, surroundings.known)):
            put_in(case, values)
            response = case.call(headers=surroundings.callers[who])
            answers.append(f"{who}: {response.status_code} {response.text}")
            judge(case, response)
            if response.status_code < 300:
                break
        else:
            pytest.fail("\n".join([operation.label, *answers]))


def test_every_response_is_declared_in_the_description(
    described: schemathesis.BaseSchema, surroundings: Surroundings
) -> None:
    """No request of any caller gets a 5xx response, and requests that violate the description are refused.

    Status, headers, media type and body of every response are as described.
    """
    for operation in operations(described):
        valid, invalid = (operation.as_strategy(mode) for mode in MODES)

        @SOME
        @given(
            case=requests(valid, invalid, surroundings.known),
            who=st.sampled_from(list(surroundings.callers)),
        )
        def ask(case: Case[Any], who: str) -> None:
            response = case.call(headers=surroundings.callers[who])
            judge(case, response)

        ask()


def test_a_generator_can_use_the_description_as_it_is(
    described: schemathesis.BaseSchema,
) -> None:
    """The description is valid OpenAPI, references exist, ids are good names, and operations declare their tokens."""
    described.validate()
    description = described.raw_schema
    for reference in references(description):
        target: Any = description
        for step in reference.removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
    schemes = description["components"].get("securitySchemes", {})
    for operation in operations(described):
        raw = operation.definition.raw
        assert re.fullmatch("[a-z]+(_[a-z]+)*", raw["operationId"]), raw["operationId"]
        assert {name for choice in raw.get("security", []) for name in choice} <= schemes.keys()
        assert "401" in raw["responses"] or not raw.get("security")
        for status, response in raw["responses"].items():
            if status != "204":
                assert response["content"], f"{operation.label} has no content for {status}"


def references(node: Any) -> Iterator[str]:
    """Yield every `$ref` in a description."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
    for inner in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from references(inner)


def operations(described: schemathesis.BaseSchema) -> list[Operation]:
    """Return all operations. Those that delete come last, so that the others find their data."""
    found = []
    for result in described.get_all_operations():
        if isinstance(result, Err):
            raise result.err()
        found.append(result.ok())
    return sorted(found, key=lambda operation: operation.method == "delete")


@st.composite
def requests(draw: st.DrawFn, valid: Cases, invalid: Cases, known: Known) -> Case[Any]:
    """Draw valid requests, most of them with existing ids, and invalid ones."""
    if draw(st.booleans()):
        case: Case[Any] = draw(valid)
        put_in(case, draw(st.sampled_from(choices(case, known))))
        return case
    return draw(valid | invalid)


def choices(case: Case[Any], known: Known) -> list[dict[str, Any]]:
    """Return all combinations of known values for the fields and parameters of a case."""
    places = [place for place in (case.path_parameters, case.body) if isinstance(place, dict)]
    names = sorted({name for place in places for name in place} & known.keys())
    return [
        dict(zip(names, values, strict=True))
        for values in product(*(known[name] for name in names))
    ]


def judge(case: Case[Any], response: Response) -> None:
    # In a form, a field without a value counts as absent (RFC 6749, section 3.2), even if it may not be empty.
    form = case.media_type == "application/x-www-form-urlencoded"
    checks = [check for check in CHECKS if not (form and check is negative_data_rejection)]
    case.validate_response(response, checks=checks)


def put_in(case: Case[Any], values: dict[str, Any]) -> None:
    for place in (case.path_parameters, case.body):
        if isinstance(place, dict):
            place.update({name: value for name, value in values.items() if name in place})


def first(cases: Cases) -> Case[Any]:
    """Return the simplest case."""
    found = []

    @settings(SOME, max_examples=1)
    @given(cases)
    def take(case: Case[Any]) -> None:
        found.append(case)

    take()
    return found[0]
