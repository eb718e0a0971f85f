"""The changes that are breaking in requests and in responses."""

from typing import Any

import pytest
from cathouse_openapi.changes import Change, changes_between

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NULL: Schema = {"type": "null"}


def described(
    *, body: Schema | None = None, response: Schema | None = None, **more: Any
) -> dict[str, Any]:
    """Return the description of one operation."""
    operation: dict[str, Any] = {
        "operationId": "write_note",
        "responses": {"200": {"content": {"application/json": {"schema": response or {}}}}},
    }
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    components = more.pop("components", {})
    return {
        "paths": {"/notes": {"post": operation | more}},
        "components": {"schemas": components},
    }


def fields(*required: str, closed: bool = True, **properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "required": list(required)}
    return schema | {"additionalProperties": False} if closed else schema


def one(before: dict[str, Any], after: dict[str, Any]) -> Change:
    (change,) = changes_between(before, after)
    return change


# The schemas before and after a change; True if the change is breaking in a request; True if it is in a response.
CASES: dict[str, tuple[Schema, Schema, bool, bool]] = {
    "a field that may be left out is added": (fields(), fields(a=STRING), False, False),
    "a required field is added": (fields(), fields("a", a=STRING), True, False),
    "a field is removed": (fields(a=STRING), fields(), True, True),
    "a field becomes required": (fields(a=STRING), fields("a", a=STRING), True, False),
    "a field is no longer required": (fields("a", a=STRING), fields(a=STRING), False, True),
    "null is added": (STRING, {"anyOf": [STRING, NULL]}, False, True),
    "null is removed": ({"anyOf": [STRING, NULL]}, STRING, True, False),
    "a value of an enum is added": ({"enum": ["a"]}, {"enum": ["a", "b"]}, False, True),
    "a value of an enum is removed": ({"enum": ["a", "b"]}, {"enum": ["a"]}, True, False),
    "a constant becomes an enum": ({"const": "a"}, {"enum": ["a", "b"]}, False, True),
    "an enum is removed": ({"type": "string", "enum": ["a"]}, STRING, False, True),
    "a maximum is raised": (
        {"type": "string", "maxLength": 8},
        {"type": "string", "maxLength": 9},
        False,
        True,
    ),
    "a maximum is added": (STRING, {"type": "string", "maxLength": 9}, True, False),
    "a minimum is raised": (
        {"type": "integer", "minimum": 1},
        {"type": "integer", "minimum": 2},
        True,
        False,
    ),
    "a minimum of 0 is removed": (
        {"type": "integer", "minimum": 0},
        {"type": "integer"},
        False,
        True,
    ),
    "integers become numbers": ({"type": "integer"}, {"type": "number"}, False, True),
    "numbers become integers": ({"type": "number"}, {"type": "integer"}, True, False),
    "a pattern is added": (STRING, {"type": "string", "pattern": "^a"}, True, False),
    "a pattern is changed": (
        {"type": "string", "pattern": "^a"},
        {"type": "string", "pattern": "^b"},
        True,
        True,
    ),
    "a format is removed": ({"type": "string", "format": "uuid"}, STRING, False, True),
    "other fields are refused": (fields(closed=False), fields(), True, False),
    "other fields are accepted": (fields(), fields(closed=False), False, True),
    "items must be unique": (
        {"type": "array"},
        {"type": "array", "uniqueItems": True},
        True,
        False,
    ),
    "items are limited": ({"type": "array"}, {"type": "array", "items": STRING}, True, False),
    "anything becomes a string": ({}, STRING, True, False),
    "a string becomes anything": (STRING, {}, False, True),
    "an unknown keyword is added": (
        STRING,
        {"type": "string", "contentEncoding": "base64"},
        True,
        False,
    ),
}


def breaks(before: dict[str, Any], after: dict[str, Any]) -> bool:
    changes = changes_between(before, after)
    assert changes, "no change was found"
    return any(change.breaking for change in changes)


@pytest.mark.parametrize("case", CASES)
def test_changes_that_break_requests(case: str) -> None:
    before, after, breaking, _ = CASES[case]
    assert breaks(described(body=before), described(body=after)) == breaking


@pytest.mark.parametrize("case", CASES)
def test_changes_that_break_responses(case: str) -> None:
    before, after, _, breaking = CASES[case]
    assert breaks(described(response=before), described(response=after)) == breaking


@pytest.mark.parametrize("case", CASES)
def test_changes_in_nested_schemas_are_found(case: str) -> None:
    before, after, breaking, _ = CASES[case]

    def below(schema: Schema) -> dict[str, Any]:
        listed = {"type": "array", "items": {"$ref": "#/components/schemas/Note"}}
        note = fields("tags", tags={"type": "object", "additionalProperties": schema})
        return described(body=fields("notes", notes=listed), components={"Note": note})

    assert breaks(below(before), below(after)) == breaking


def test_another_type_breaks_both() -> None:
    for before, after in (
        (described(body=STRING), described(body={"type": "boolean"})),
        (described(response=STRING), described(response={"type": "boolean"})),
    ):
        assert breaks(before, after)


def test_operations_and_responses_can_be_added_and_removed() -> None:
    nothing: dict[str, Any] = {"paths": {}}
    something = described(body=STRING)
    assert one(nothing, something) == Change("POST /notes", "is new", breaking=False)
    assert one(something, nothing) == Change("POST /notes", "is removed", breaking=True)
    for status, breaking in (("202", True), ("409", False)):
        responses: dict[str, Schema] = {"200": {}, status: {}}
        before, after = described(responses={"200": {}}), described(responses=responses)
        assert one(before, after).text == f"may return {status}"
        assert one(before, after).breaking == breaking
        assert one(after, before).breaking == breaking


def test_parameters_and_their_limits() -> None:
    def with_parameter(**parameter: Any) -> dict[str, Any]:
        return described(parameters=[{"in": "query", "name": "limit", **parameter}])

    limited = with_parameter(schema={"type": "integer", "maximum": 100})
    assert not one(described(), limited).breaking
    assert one(described(), with_parameter(required=True)).breaking
    assert one(limited, described()).breaking
    lowered = one(limited, with_parameter(schema={"type": "integer", "maximum": 50}))
    assert lowered.breaking
    assert lowered.text == "query parameter limit: maximum was 100 and is 50"


def test_a_changed_default_is_breaking_in_requests_only() -> None:
    def with_parameter(required: bool = False, **schema: Any) -> dict[str, Any]:
        parameter = {"in": "query", "name": "limit", "required": required, "schema": schema}
        return described(parameters=[parameter])

    twenty, one_only = with_parameter(default=20), with_parameter(default=1)
    assert one(twenty, one_only) == Change(
        "POST /notes", "query parameter limit: default was 20 and is 1", breaking=True
    )
    assert one(twenty, with_parameter()).breaking
    assert one(with_parameter(), twenty).breaking
    assert one(with_parameter(default=False), with_parameter(default=True)).breaking
    assert changes_between(with_parameter(), with_parameter(default=None)) == []
    # Callers that had to send a value still send it.
    freed = one(with_parameter(required=True), twenty)
    assert (freed.text, freed.breaking) == ("query parameter limit is no longer required", False)

    def with_default(place: str, value: str) -> Schema:
        kind: Schema = {"$ref": "#/components/schemas/Kind"}
        schemas: dict[str, Schema] = {
            "beside": {"anyOf": [kind, NULL], "default": value},
            "below": {"anyOf": [NULL, {**kind, "default": value}]},
        }
        return schemas[place]

    for place in ("beside", "below"):
        both = [fields(kind=with_default(place, value)) for value in ("a", "b")]
        kinds = {"Kind": {"enum": ["a", "b"]}}
        sent = [described(body=each, components=kinds) for each in both]
        read = [described(response=each, components=kinds) for each in both]
        assert one(*sent).text == 'body.kind: default was "a" and is "b"'
        assert one(*sent).breaking
        assert changes_between(*read) == []

    def with_body(default: str) -> dict[str, Any]:
        content = {"application/json": {"schema": STRING | {"default": default}}}
        return described(requestBody={"content": content})

    assert one(with_body("a"), with_body("b")).breaking


def test_an_additional_media_type_is_allowed_and_a_removed_one_is_breaking() -> None:
    def accepting(*media_types: str) -> dict[str, Any]:
        return described(requestBody={"content": {name: {} for name in media_types}})

    form, json = "application/x-www-form-urlencoded", "application/json"
    assert not breaks(accepting(json), accepting(json, form))
    assert breaks(accepting(json, form), accepting(json))


def test_fewer_allowed_callers_are_breaking() -> None:
    def opened_by(*choices: dict[str, list[str]]) -> dict[str, Any]:
        return described(security=list(choices))

    token: dict[str, list[str]] = {"accessToken": []}
    credential: dict[str, list[str]] = {"credential": []}
    assert breaks(described(), opened_by(token))
    assert not breaks(opened_by(token), described())
    assert not breaks(opened_by(token), opened_by(token, credential))
    assert breaks(opened_by(token, credential), opened_by(token))
    assert breaks(opened_by(token), opened_by(token | credential))


def test_another_security_scheme_is_breaking() -> None:
    def opened_by(**scheme: str) -> dict[str, Any]:
        description = described(security=[{"token": []}])
        description["components"]["securitySchemes"] = {"token": scheme}
        return description

    bearer = opened_by(type="http", scheme="bearer")
    for other in (
        opened_by(type="http", scheme="basic"),
        opened_by(**{"type": "apiKey", "in": "header", "name": "X-Token"}),
    ):
        assert one(bearer, other) == Change(
            "POST /notes", "the allowed callers changed", breaking=True
        )
    documented = opened_by(type="http", scheme="bearer", bearerFormat="JWT", description="A token")
    assert changes_between(bearer, documented) == []


def test_another_name_in_generated_clients_is_breaking() -> None:
    assert breaks(described(operationId="one"), described(operationId="other"))


def test_texts_and_names_of_schemas_are_not_changes() -> None:
    def with_note(name: str, text: str) -> dict[str, Any]:
        note = fields("text", text={"type": "string", "title": text, "examples": [text]})
        reference = {"$ref": f"#/components/schemas/{name}", "description": text}
        return described(body=reference, summary=text, components={name: note})

    assert changes_between(with_note("Note", "one"), with_note("NoteIn", "other")) == []


def test_deprecations_are_reported() -> None:
    assert one(described(), described(deprecated=True)) == Change(
        "POST /notes", "it is deprecated", breaking=False
    )
    sunset: dict[str, Any] = {"x-sunset": "2027-01-31"}
    ending = described(deprecated=True, **sunset)
    assert one(described(), ending).text == "it is deprecated, until 2027-01-31"
    assert one(ending, described()).text == "it is no longer deprecated"
    old = {"type": "string", "deprecated": True}
    assert one(described(response=fields(a=STRING)), described(response=fields(a=old))) == Change(
        "POST /notes", "200.a is deprecated", breaking=False
    )


def test_recursive_schemas_are_compared() -> None:
    def tree(**more: Schema) -> dict[str, Any]:
        children = {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}
        return described(
            body={"$ref": "#/components/schemas/Tree"},
            components={"Tree": {"properties": {"children": children} | more}},
        )

    assert changes_between(tree(), tree()) == []
    assert one(tree(), tree(a=STRING)).text == "body.a is new, and may be left out"


@pytest.mark.parametrize("keyword", ["allOf", "prefixItems"])
def test_keywords_without_nodes_are_compared_with_the_targets_of_their_references(
    keyword: str,
) -> None:
    def holding(schema: Schema) -> dict[str, Any]:
        parts = [{"$ref": "#/components/schemas/Part"}, {"$ref": "#/components/schemas/Part"}]
        return described(body={keyword: parts}, components={"Part": schema})

    assert changes_between(holding(STRING), holding(STRING)) == []
    assert breaks(holding(STRING), holding({"type": "string", "maxLength": 8}))


def test_limits_next_to_alternatives_apply_to_each() -> None:
    either: Schema = {"anyOf": [STRING, {"type": "integer"}]}
    assert breaks(described(body=either), described(body=either | {"enum": ["a", 1]}))
    assert breaks(described(response=either | {"enum": ["a"]}), described(response=either))


def test_changes_of_the_problem_schema_are_reported_once() -> None:
    def with_problem(**properties: Schema) -> dict[str, Any]:
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        return described(
            responses={status: {"content": content} for status in ("404", "409")},
            components={"Problem": {"properties": properties}},
        )

    both, less = with_problem(type=STRING, title=STRING), with_problem(type=STRING)
    assert one(both, less) == Change("every problem", ".title is removed", breaking=True)
    assert not one(less, both).breaking
