"""The OpenAPI description. Every error is a problem, and every route declares the errors that all routes may return."""

import importlib
from contextlib import suppress
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cathouse_kit.bounds import Unbounded, largest
from cathouse_kit.platform import IDENTITY_NAME, PROBLEM_PREFIX, Platform
from cathouse_kit.problems import (
    BadRequest,
    BodyTooLarge,
    InternalError,
    InvalidRequest,
    Problem,
    ProblemBody,
    ServiceUnavailable,
    Unauthenticated,
    problem_responses,
)
from cathouse_kit.revocations import AccountDisabled

# Settings that have no defaults. Nothing is opened before an app's lifespan begins, and so none of these is used.
_NOT_USED = {"database_url": "postgresql://nobody@127.0.0.1/nothing", "service_token": "-" * 32}
_METHODS = {"get", "put", "post", "patch", "delete", "head", "options", "trace"}


def app_to_describe(package: str) -> FastAPI:
    """The app of a service's package, for what it says of itself: it needs no settings, and opens nothing."""
    settings = importlib.import_module(f"{package}.settings").Settings
    app: FastAPI = importlib.import_module(f"{package}.main").create_app(
        settings(_env_file=None, **_NOT_USED)
    )
    return app


def describe(app: FastAPI, platform: Platform) -> None:
    """Replace `app.openapi` by a function that describes the real errors, with the platform's names."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                routes=app.routes,
            )
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= problem.pop("$defs") | {"Problem": problem}
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for path, operations in schema["paths"].items():
                for method, operation in operations.items():
                    if method in _METHODS:
                        _declare_problems(path, operation)
                        _state_bound(operation, schemas)
            app.openapi_schema = _named(schema, platform)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _named(value: Any, platform: Platform) -> Any:
    """Replace the placeholders in texts by the platform's names."""
    if isinstance(value, str):
        value = value.replace(IDENTITY_NAME, platform.identity.name)
        return value.replace(PROBLEM_PREFIX, platform.problem_prefix)
    if isinstance(value, dict):
        return {key: _named(inner, platform) for key, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, platform) for inner in value]
    return value


def _declare_problems(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    common: list[type[Problem]] = [InternalError]
    if "probes" not in operation.get("tags", []):
        common.append(ServiceUnavailable)
    if "security" in operation:
        common.append(Unauthenticated)
    if any("accessToken" in scheme for scheme in operation.get("security", ())):
        common.append(AccountDisabled)
    if "requestBody" in operation:
        # 400 is for a body that cannot be decoded, such as JSON that is not UTF-8 or an incomplete form.
        common += [BadRequest, BodyTooLarge, InvalidRequest]
    if operation.get("parameters"):
        common.append(InvalidRequest)
    for status, response in problem_responses(*common).items():
        declared = responses.get(str(status))
        if declared is None or "HTTPValidationError" in str(declared):
            responses[str(status)] = response


def _state_bound(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Describe the largest size of a page of a list. A contract test refuses lists without a bound."""
    if not any(parameter["name"] == "limit" for parameter in operation.get("parameters", [])):
        return
    response = operation["responses"]["200"]
    with suppress(Unbounded):
        size = largest(response["content"]["application/json"]["schema"], schemas)
        response["description"] = f"A page of at most {size:,} bytes"
