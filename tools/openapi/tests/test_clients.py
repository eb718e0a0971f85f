"""The clients are those of the committed API, and the description that they are generated from."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cathouse_kit.registry import load_registry
from cathouse_openapi.client_description import merged
from cathouse_openapi.clients import Clients
from cathouse_openapi.errors import ApiError

ROOT = Path(__file__).parents[3]


@pytest.mark.documentation
def test_the_committed_clients_are_generated_from_the_committed_api() -> None:
    Clients(ROOT, load_registry(ROOT / "services.toml")).check()


def test_the_lock_of_npm_has_digests_and_no_address_of_a_registry() -> None:
    lock = json.loads((ROOT / "clients/typescript/package-lock.json").read_text())
    packages = [package for folder, package in lock["packages"].items() if folder]
    assert packages
    for package in packages:
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def described(schema: dict[str, Any], **operations: dict[str, Any]) -> dict[str, Any]:
    """A service with a schema `Thing`, and `GET /NAME` for each operation."""
    paths = {f"/{name}": {"get": {"operationId": name, **o}} for name, o in operations.items()}
    schemas = {"Thing": schema, "Unused": {}, "Problem": {}, "InvalidField": {}}
    return {"info": {"version": "0.1.0"}, "paths": paths, "components": {"schemas": schemas}}


def returning(content: dict[str, Any], tag: str = "things") -> dict[str, Any]:
    responses = {"200": {"content": content}, "404": {"content": {}}, "default": {}}
    return {"tags": [tag], "security": [{"accessToken": []}], "responses": responses}


THING = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}


def test_what_is_not_for_clients_is_left_out() -> None:
    service = described(
        {"type": "string"},
        read=returning(THING),
        verify=returning(THING, "internal"),
        health=returning(THING, "probes"),
        call_cat=returning({"*/*": {}}),
    )
    description = merged({"notes": service})
    assert description["paths"] == {
        "/read": {
            "get": {
                "operationId": "notes_read",
                "tags": ["notes"],
                "responses": {"200": {"content": THING}},
            }
        }
    }
    assert description["components"]["schemas"].keys() == {"Thing", "Problem", "InvalidField"}


def test_a_later_service_renames_nothing_of_an_earlier_one() -> None:
    first = described({"type": "string"}, read=returning(THING))
    alone = merged({"notes": first})
    second = described({"type": "integer"}, count=returning(THING))
    both = merged({"notes": first, "reviews": second})
    assert alone["paths"].items() <= both["paths"].items()
    assert alone["components"]["schemas"].items() <= both["components"]["schemas"].items()
    content = both["paths"]["/count"]["get"]["responses"]["200"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/ReviewsThing"}
    assert both["components"]["schemas"]["ReviewsThing"] == {"type": "integer"}


@pytest.mark.documentation
def test_a_change_by_hand_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs/openapi", tmp_path / "docs/openapi")
    shutil.copytree(
        ROOT / "clients", tmp_path / "clients", ignore=shutil.ignore_patterns("node_modules")
    )
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / "requirements/clients.txt", tmp_path / "requirements")
    clients = Clients(tmp_path, load_registry(ROOT / "services.toml"))
    clients.check()
    with (tmp_path / "clients/python/cathouse_client/generated/types.py").open("a") as module:
        module.write("# by hand\n")
    with pytest.raises(ApiError, match="make clients"):
        clients.check()
