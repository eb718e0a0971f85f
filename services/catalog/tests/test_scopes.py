from typing import Any

import pytest
from cathouse_catalog.models import Route
from cathouse_catalog.schemas.cats import NewCat
from cathouse_catalog.services.scopes import newly_opened
from pydantic import ValidationError

from .support import READ, TASK_KEEPER


def scope(**changes: Any) -> dict[str, Any]:
    return READ | changes


def route(path: str, *methods: str) -> dict[str, Any]:
    return {"methods": list(methods or ("GET",)), "path": path}


def refused_at(*scopes: Any) -> list[list[str | int]]:
    """Return the locations of the errors in a manifest with these scopes."""
    try:
        NewCat.model_validate(TASK_KEEPER | {"scopes": list(scopes)})
    except ValidationError as error:
        return [list(details["loc"]) for details in error.errors()]
    return []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/tasks",
        "/tasks/",
        "/tasks/{id}",
        "/tasks/{id}/notes/{note_id}",
        "/v1.2/~user/a-b_c:d@e",
        "/tasks/...",
        "/" + "x" * 511,
    ],
)
def test_a_valid_path_is_accepted(path: str) -> None:
    assert refused_at(scope(routes=[route(path)])) == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tasks",
        "//",
        "//tasks",
        "/tasks//notes",
        "/tasks/..",
        "/../tasks",
        "/tasks/../admin",
        "/./tasks",
        "/tasks/.",
        "/tasks?all=1",
        "/tasks#top",
        "/tasks/%2e%2e",
        "/tasks/%2F",
        "/tasks\\notes",
        "/tasks/*",
        "/tasks/{}",
        "/tasks/{id",
        "/tasks/id}",
        "/tasks/{{id}}",
        "/tasks/{id}{other}",
        "/tasks/x{id}",
        "/tasks/{id}.json",
        "/tasks/{1d}",
        "/tasks/{id:path}",
        "/tasks/{id}/notes/{id}",
        "/tasks/\0",
        "/tasks/\n",
        "/tasks\n",
        "/tasks /x",
        "/t\N{LATIN SMALL LETTER A WITH DIAERESIS}sks",
        "http://example.com/tasks",
        "/" + "x" * 512,
    ],
)
def test_an_ambiguous_path_is_refused(path: str) -> None:
    where = refused_at(scope(routes=[route(path)]))
    assert where == [["scopes", 0, "routes", 0, "path"]]


@pytest.mark.parametrize("method", ["get", "TRACE", "CONNECT", "*", "", "GET "])
def test_other_methods_are_refused(method: str) -> None:
    where = refused_at(scope(routes=[route("/tasks", method)]))
    assert where == [["scopes", 0, "routes", 0, "methods", 0]]


def test_all_usual_methods_are_accepted() -> None:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    assert refused_at(scope(routes=[route("/tasks", *methods)])) == []


@pytest.mark.parametrize(
    "name",
    ["tasks", "tasks:", ":read", "Tasks:read", "tasks:read:all", "tasks read", "t" * 60 + ":read"],
)
def test_an_invalid_scope_name_is_refused(name: str) -> None:
    assert refused_at(scope(name=name)) == [["scopes", 0, "name"]]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"routes": []}, ["routes"]),
        ({"routes": [{"methods": [], "path": "/"}]}, ["routes", 0, "methods"]),
        ({"routes": [route("/", "GET", "GET")]}, ["routes", 0, "methods"]),
        ({"routes": [route("/"), route("/", "PUT")]}, ["routes"]),
        ({"routes": [route("/") | {"host": "x"}]}, ["routes", 0, "host"]),
        ({"routes": [route(f"/{n}") for n in range(51)]}, ["routes"]),
        ({"required": "yes"}, ["required"]),
        ({"required": None}, ["required"]),
        ({"description": ""}, ["description"]),
        ({"description": "nul\0"}, ["description"]),
        ({"secret": True}, ["secret"]),
    ],
)
def test_an_invalid_scope_is_refused(wrong: dict[str, Any], where: list[str | int]) -> None:
    assert refused_at(scope(**wrong)) == [["scopes", 0, *where]]


def test_two_scopes_with_one_name_are_refused() -> None:
    assert refused_at(scope(), scope()) == [["scopes"]]


def test_the_number_of_scopes_is_limited() -> None:
    many = [scope(name=f"tasks:read{n}") for n in range(51)]
    assert refused_at(*many) == [["scopes"]]


@pytest.mark.parametrize(
    ("before", "after", "added"),
    [
        ([route("/tasks")], [route("/tasks")], []),
        ([route("/tasks")], [], []),
        ([route("/tasks", "GET", "POST")], [route("/tasks", "POST")], []),
        ([route("/tasks/{id}")], [route("/tasks/{task_id}")], []),
        ([route("/tasks/{id}")], [route("/tasks/first")], []),
        ([route("/{a}/{b}")], [route("/tasks/{id}"), route("/notes/{id}")], []),
        ([route("/tasks", "GET"), route("/tasks", "PUT")], [route("/tasks", "GET", "PUT")], []),
        ([route("/tasks")], [route("/tasks", "GET", "POST")], ["POST /tasks"]),
        ([route("/tasks")], [route("/tasks/{id}")], ["GET /tasks/{id}"]),
        ([route("/tasks/first")], [route("/tasks/{id}")], ["GET /tasks/{id}"]),
        ([route("/tasks/{id}")], [route("/tasks/{id}/notes")], ["GET /tasks/{id}/notes"]),
        ([route("/tasks/{id}")], [route("/tasks/")], ["GET /tasks/"]),
        ([route("/tasks")], [route("/Tasks")], ["GET /Tasks"]),
        ([route("/tasks")], [route("/tasks/")], ["GET /tasks/"]),
        ([], [route("/")], ["GET /"]),
    ],
)
def test_newly_allowed_requests_are_found(
    before: list[Route], after: list[Route], added: list[str]
) -> None:
    assert newly_opened(before, after) == added


ADMINS = ["/tasks/export"]


@pytest.mark.parametrize(
    ("after", "named_after", "added"),
    [
        ([route("/tasks/{id}")], ADMINS, []),
        ([route("/tasks/{id}")], [], ["GET /tasks/export"]),
        ([route("/tasks/{task}")], ["/tasks/import"], ["GET /tasks/export"]),
        ([route("/tasks/{id}"), route("/tasks/export")], ADMINS, ["GET /tasks/export"]),
        ([route("/tasks/Export")], ADMINS, ["GET /tasks/Export"]),
        ([route("/tasks/export/")], ADMINS, ["GET /tasks/export/"]),
        ([route("/tasks/export;x")], ADMINS, ["GET /tasks/export;x"]),
        ([route("/tasks/other")], ADMINS, []),
        ([route("/tasks/other")], [], []),
        ([], [], []),
    ],
)
def test_a_scope_is_wider_after_another_scope_drops_a_path(
    after: list[Route], named_after: list[str], added: list[str]
) -> None:
    before: list[Route] = [Route(methods=["GET"], path="/tasks/{id}")]
    assert newly_opened(before, after, ADMINS, named_after) == added


def test_a_scope_may_drop_a_path_that_it_named_itself() -> None:
    wide, both = Route(methods=["GET"], path="/tasks/{id}"), ["GET", "POST"]
    export = Route(methods=["GET"], path="/tasks/export")
    assert newly_opened([wide, export], [wide]) == []
    wider = Route(methods=both, path="/tasks/{id}")
    assert newly_opened([wider, export], [wider]) == ["POST /tasks/export"]
