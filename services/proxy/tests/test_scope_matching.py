"""A template opens exactly the paths of its shape."""

import re

import pytest
from cathouse_proxy.services.scopes import Route, Scope, opening_scopes
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("template", "path", "matches"),
    [
        ("/", "/", True),
        ("/tasks", "/tasks", True),
        ("/tasks", "/tasks/", False),
        ("/tasks/", "/tasks/", True),
        ("/tasks/", "/tasks", False),
        ("/tasks", "/Tasks", False),
        ("/tasks", "/tasks/7", False),
        ("/tasks/{id}", "/tasks/7", True),
        ("/tasks/{id}", "/tasks/{id}", True),
        ("/tasks/{id}", "/tasks/", False),
        ("/tasks/{id}", "/tasks", False),
        ("/tasks/{id}", "/tasks/7/notes", False),
        ("/tasks/{id}/notes", "/tasks/7/notes", True),
        ("/tasks/{id}/notes", "/tasks//notes", False),
        ("/{a}/{b}", "/x/y", True),
        ("/{a}", "/", False),
        ("/tasks.json", "/tasksxjson", False),
        ("/a+b", "/aab", False),
    ],
)
def test_templates(template: str, path: str, matches: bool) -> None:
    route = Route.of(["GET"], template)
    assert route.matches("GET", path.removeprefix("/").split("/")) is matches


def test_methods_are_compared_exactly() -> None:
    route = Route.of(["GET", "PUT"], "/tasks")
    opened = [m for m in ("GET", "PUT", "HEAD", "POST", "get") if route.matches(m, ["tasks"])]
    assert opened == ["GET", "PUT"]


def test_all_scopes_that_open_a_request_are_found_in_the_manifests_order() -> None:
    def scope(name: str, *paths: str) -> Scope:
        return Scope(name, tuple(Route.of(["GET"], path) for path in paths))

    scopes = [scope("b", "/x", "/tasks/{id}"), scope("c", "/x"), scope("a", "/tasks/7", "/{p}/{q}")]
    assert opening_scopes(scopes, "GET", ["tasks", "7"]) == ["b", "a"]
    assert opening_scopes(scopes, "POST", ["tasks", "7"]) == []


literals = st.text(alphabet="abAB.~:@!$+,;=_-9", min_size=1, max_size=3)
parts = st.one_of(literals, st.sampled_from(["{id}", "{x}", "{some_name}"]))
templates = st.lists(parts, min_size=1, max_size=4).map(lambda made: "/" + "/".join(made))
decoded = st.text(alphabet="abAB.~{}%é /"[:-1], max_size=3)


@given(templates, st.lists(st.one_of(literals, decoded), min_size=1, max_size=4))
def test_matching_agrees_with_the_same_rule_said_as_a_regular_expression(
    template: str, segments: list[str]
) -> None:
    pattern = "".join(
        "/" + ("[^/]+" if part.startswith("{") else re.escape(part))
        for part in template.removeprefix("/").split("/")
    )
    expected = re.fullmatch(pattern, "/" + "/".join(segments), re.DOTALL) is not None
    assert Route.of(["GET"], template).matches("GET", segments) is expected


@given(templates, st.data())
def test_a_template_opens_whatever_fills_its_placeholders(
    template: str, data: st.DataObject
) -> None:
    filled = [
        data.draw(st.text(min_size=1, max_size=3)) if part.startswith("{") else part
        for part in template.removeprefix("/").split("/")
    ]
    route = Route.of(["GET"], template)
    assert route.matches("GET", filled)
    for index, part in enumerate(template.removeprefix("/").split("/")):
        if part.startswith("{"):
            assert not route.matches("GET", [*filled[:index], "", *filled[index + 1 :]])
    assert not route.matches("GET", [*filled, "more"])
    assert not route.matches("GET", filled[:-1])
