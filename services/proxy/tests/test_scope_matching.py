"""A template allows exactly the paths that match it, and only the most specific matching template decides."""

import re

import pytest
from cathouse_proxy.services.admission.scopes import Route, Scope, opening_scopes
from hypothesis import given
from hypothesis import strategies as st


def opened(scopes: dict[str, list[str]], path: str, method: str = "GET") -> list[str]:
    """Return the scopes that allow the request. All scopes have the method GET. The path is decoded."""
    made = [
        Scope(name, tuple(Route.of(["GET"], template) for template in templates))
        for name, templates in scopes.items()
    ]
    return opening_scopes(made, method, path.removeprefix("/").split("/"))


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
        ("/tasks/{id}", "/tasks/7;v=1", True),
        ("/tasks/{id}", "/tasks/;", False),
        ("/tasks/{id}", "/tasks/;v=1", False),
        ("/tasks/{id}/notes", "/tasks/;x/notes", False),
        ("/tasks;v=1/{id}", "/tasks;v=1/7", True),
        ("/tasks;v=1/{id}", "/tasks;v=2/7", False),
        ("/tasks/{id}/notes", "/tasks/7/notes", True),
        ("/tasks/{id}/notes", "/tasks//notes", False),
        ("/{a}/{b}", "/x/y", True),
        ("/{a}", "/", False),
        ("/tasks.json", "/tasksxjson", False),
        ("/a+b", "/aab", False),
    ],
)
def test_templates_match_paths(template: str, path: str, matches: bool) -> None:
    assert opened({"s": [template]}, path) == (["s"] if matches else [])


def test_methods_are_compared_exactly() -> None:
    scope = Scope("s", (Route.of(["GET", "PUT"], "/tasks"),))
    methods = ("GET", "PUT", "HEAD", "POST", "get")
    assert [m for m in methods if opening_scopes([scope], m, ["tasks"])] == ["GET", "PUT"]


def test_all_scopes_that_allow_a_request_are_found_in_the_manifests_order() -> None:
    scopes = {"b": ["/x", "/tasks/{id}"], "c": ["/x"], "a": ["/{p}/{q}", "/tasks/{name}"]}
    assert opened(scopes, "/tasks/7") == ["b", "a"]
    assert opened(scopes, "/tasks/7", "POST") == []
    assert opened(scopes, "/notes/7") == ["a"]


EXPORT = {"t:read": ["/tasks/{id}", "/tasks/{id}/"], "t:admin": ["/tasks/export"]}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("path", "scopes"),
    [
        ("/tasks/7", ["t:read"]),
        ("/tasks/7/", ["t:read"]),
        ("/tasks/exports", ["t:read"]),
        ("/tasks/export", ["t:admin"]),
        # A cat may read each of these as the path above, so neither scope is enough.
        ("/tasks/EXPORT", []),
        ("/tasks/Export", []),
        ("/tasks/expor\u0054", []),
        ("/TASKS/export", []),
        ("/TASKS/7", []),
        ("/tasks/export;", []),
        ("/tasks/export;x=1", []),
        ("/tasks/EXPORT;x", []),
        ("/tasks;x=1/export", []),
        ("/tasks/export/", []),
        ("/tasks/EXPORT/", []),
        ("/tasks/export;x/", []),
    ],
)
def test_a_placeholder_does_not_allow_a_path_that_another_scope_names(
    path: str, scopes: list[str], order: int
) -> None:
    assert opened(dict(list(EXPORT.items())[::order]), path) == scopes


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/a/b/c", "abc"),
        ("/a/b/x", "ab*"),
        ("/a/x/c", "a*c"),
        ("/a/x/y", "a**"),
        ("/x/b/c", "*bc"),
        ("/x/b/y", "*b*"),
        ("/x/y/c", "**c"),
        ("/x/y/z", "***"),
    ],
)
def test_the_first_literal_segment_from_the_left_decides(path: str, scope: str) -> None:
    names = ("***", "**c", "*b*", "*bc", "a**", "a*c", "ab*", "abc")
    scopes = {}
    for name in names:
        segments = [c if c != "*" else f"{{{p}}}" for c, p in zip(name, "pqr", strict=True)]
        scopes[name] = ["/" + "/".join(segments)]
    assert opened(scopes, path) == [scope]


def test_a_more_specific_template_decides_for_methods_that_it_does_not_name() -> None:
    read = Scope("t:read", (Route.of(["GET", "HEAD"], "/tasks/{id}"),))
    admin = Scope("t:admin", (Route.of(["GET"], "/tasks/export"),))
    # Servers respond to HEAD like to GET.
    assert opening_scopes([read, admin], "HEAD", ["tasks", "export"]) == []
    assert opening_scopes([read, admin], "GET", ["tasks", "export"]) == ["t:admin"]
    assert opening_scopes([read, admin], "HEAD", ["tasks", "7"]) == ["t:read"]


def test_literals_that_differ_in_case_are_distinguished_if_a_manifest_has_both() -> None:
    scopes = {"one": ["/tasks/export"], "two": ["/tasks/Export"], "three": ["/tasks/{id}"]}
    assert opened(scopes, "/tasks/export") == ["one"]
    assert opened(scopes, "/tasks/Export") == ["two"]
    assert opened(scopes, "/tasks/EXPORT") == []


literals = st.text(alphabet="abAB.~:@!$+,;=_-9", min_size=1, max_size=3)
parts = st.one_of(literals, st.sampled_from(["{id}", "{x}", "{some_name}"]))
templates = st.lists(parts, min_size=1, max_size=4).map(lambda made: "/" + "/".join(made))
decoded = st.text(alphabet="abAB.~{}%é /"[:-1], max_size=3)


@given(templates, st.lists(st.one_of(literals, decoded), min_size=1, max_size=4))
def test_matching_agrees_with_the_same_rule_as_a_regular_expression(
    template: str, segments: list[str]
) -> None:
    pattern = "".join(
        "/" + ("[^/;][^/]*" if part.startswith("{") else re.escape(part))
        for part in template.removeprefix("/").split("/")
    )
    expected = re.fullmatch(pattern, "/" + "/".join(segments), re.DOTALL) is not None
    scope = Scope("s", (Route.of(["GET"], template),))
    assert bool(opening_scopes([scope], "GET", segments)) is expected


@given(templates, st.data())
def test_a_template_allows_any_values_of_its_placeholders(
    template: str, data: st.DataObject
) -> None:
    values = st.text(min_size=1, max_size=3).filter(lambda text: not text.startswith(";"))
    filled = [
        data.draw(values) if part.startswith("{") else part
        for part in template.removeprefix("/").split("/")
    ]
    scope = Scope("s", (Route.of(["GET"], template),))

    def opens(segments: list[str]) -> bool:
        return bool(segments) and opening_scopes([scope], "GET", segments) == ["s"]

    assert opens(filled)
    for index, part in enumerate(template.removeprefix("/").split("/")):
        if part.startswith("{"):
            assert not opens([*filled[:index], "", *filled[index + 1 :]])
    assert not opens([*filled, "more"])
    assert not opens(filled[:-1])


lookalikes = st.sampled_from(["a", "A", "a;", "a;x", "b", "B;b", "", ";x", "c"])


@given(st.lists(templates, min_size=1, max_size=4), st.lists(lookalikes, min_size=1, max_size=4))
def test_a_placeholder_allows_no_path_that_servers_may_read_as_a_named_one(
    named: list[str], segments: list[str]
) -> None:
    """If lenient servers equate a path with a literal template, no placeholder allows the path."""
    literal = "/" + "/".join(segment.partition(";")[0].lower() or "e" for segment in segments)
    scopes = {f"s{index}": [template] for index, template in enumerate(named)} | {
        "wide": ["/" + "/".join(f"{{p{index}}}" for index, _ in enumerate(segments))],
        "literal": [literal],
    }
    given_path = "/" + "/".join(segments)
    lenient = "/" + "/".join(segment.partition(";")[0].lower() for segment in segments)
    if lenient == literal:
        assert "wide" not in opened(scopes, given_path)
