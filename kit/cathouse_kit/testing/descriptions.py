"""A check that fakes of services respond as the API descriptions of these services say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from jsonschema import Draft202012Validator, FormatChecker


@dataclass(frozen=True, slots=True)
class _Operation:
    """A route of a service, with the schemas that its description refers to."""

    path: re.Pattern[str]
    method: str
    description: dict[str, Any]
    components: dict[str, Any]

    def violations(self, request: httpx.Request, response: httpx.Response) -> Iterator[str]:
        """Yield what the description does not allow."""
        parameters = [p for p in self.description.get("parameters", ()) if p["in"] == "query"]
        sent = set(request.url.params)
        for name in sent - {p["name"] for p in parameters}:
            yield f"there is no query parameter {name}"
        for name in {p["name"] for p in parameters if p["required"]} - sent:
            yield f"the query parameter {name} is missing"
        if body := self.description.get("requestBody"):
            yield from self._invalid("the request's body", body["content"], request)
        elif request.content:
            yield "the request has a body"
        described = self.description["responses"].get(str(response.status_code))
        if described is None:
            yield f"the status {response.status_code} is not described"
        elif "content" in described:
            yield from self._invalid("the response's body", described["content"], response)
        elif response.content:
            yield "the response has a body"

    def _invalid(
        self, name: str, described: dict[str, Any], message: httpx.Request | httpx.Response
    ) -> Iterator[str]:
        media_type = message.headers.get("Content-Type", "").partition(";")[0]
        if media_type not in described:
            yield f"{name} is {media_type or 'empty'} and not {' or '.join(described)}"
            return
        if not media_type.endswith("json"):
            return
        content = described[media_type]
        try:
            value = orjson.loads(message.content)
        except orjson.JSONDecodeError as error:
            yield f"{name} is not JSON: {error}"
            return
        validator = Draft202012Validator(
            content["schema"] | {"components": self.components}, format_checker=FormatChecker()
        )
        for found in validator.iter_errors(value):
            yield f"{name} at {found.json_path}: {found.message}"
        if media_type == "application/problem+json":
            kind = value.get("type", "").rpartition(":")[2]
            if kind not in content["examples"]:
                yield f"{name} is the problem {kind} and not {' or '.join(content['examples'])}"


class Descriptions:
    """The API descriptions of services, from the files `NAME.json` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.violations: list[str] = []
        """Everything that `check` found. A service may hide the exception, such as in a background task."""
        self._operations: list[_Operation] = []
        for file in sorted(folder.glob("*.json")):
            description = orjson.loads(file.read_bytes())
            for template, operations in description["paths"].items():
                path = re.compile(re.sub(r"\{[^}]*\}", "[^/]+", template))
                self._operations += [
                    _Operation(path, method.upper(), operation, description["components"])
                    for method, operation in operations.items()
                ]

    def check(self, request: httpx.Request, response: httpx.Response) -> None:
        """Raise `AssertionError` if no service accepts this request, or if it cannot respond like this."""
        found = [
            operation
            for operation in self._operations
            if operation.method == request.method and operation.path.fullmatch(request.url.path)
        ]
        violations = (
            list(found[0].violations(request, response)) if found else ["no service describes it"]
        )
        if violations:
            what = f"{request.method} {request.url.path}: {'; '.join(violations)}"
            self.violations.append(what)
            raise AssertionError(f"a fake differs from the service's API description: {what}")
