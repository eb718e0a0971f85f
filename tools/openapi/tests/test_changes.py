"""What counts as breaking, for those who send and for those who read."""

from typing import Any

import pytest
from cathouse_openapi.changes import Change, changes_between

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NULL: Schema = {"type": "null"}


def described(
    *, body: Schema | None = None, answer: Schema | None = None, **more: Any
) -> dict[str, Any]:
    """A description of one operation."""
    operation: dict[str, Any] = {
        "operationId": "write_note",
        "responses": {"200": {"content": {"application/json": {"schema": answer or {}}}}},
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


# What is there before and after, and whether that breaks those who send it, and those who read it.
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
    "an enum is lifted": ({"type": "string", "enum": ["a"]}, STRING, False, True),
    "a limit from above is raised": (
        {"type": "string", "maxLength": 8},
        {"type": "string", "maxLength": 9},
        False,
        True,
    ),
    "a limit from above is set": (STRING, {"type": "string", "maxLength": 9}, True, False),
    "a limit from below is raised": (
        {"type": "integer", "minimum": 1},
        {"type": "integer", "minimum": 2},
        True,
        False,
    ),
    "a limit from below of 0 is lifted": (
        {"type": "integer", "minimum": 0},
        {"type": "integer"},
        False,
        True,
    ),
    "whole numbers become any": ({"type": "integer"}, {"type": "number"}, False, True),
    "any numbers become whole": ({"type": "number"}, {"type": "integer"}, True, False),
    "a pattern is set": (STRING, {"type": "string", "pattern": "^a"}, True, False),
    "a pattern is another": (
        {"type": "string", "pattern": "^a"},
        {"type": "string", "pattern": "^b"},
        True,
        True,
    ),
    "a format is lifted": ({"type": "string", "format": "uuid"}, STRING, False, True),
    "other fields are refused": (fields(closed=False), fields(), True, False),
    "other fields are taken": (fields(), fields(closed=False), False, True),
    "items must differ": ({"type": "array"}, {"type": "array", "uniqueItems": True}, True, False),
    "items are limited": ({"type": "array"}, {"type": "array", "items": STRING}, True, False),
    "anything becomes a string": ({}, STRING, True, False),
    "a string becomes anything": (STRING, {}, False, True),
    "a word that is not known here is set": (
        STRING,
        {"type": "string", "contentEncoding": "base64"},
        True,
        False,
    ),
}


def breaks(before: dict[str, Any], after: dict[str, Any]) -> bool:
    changes = changes_between(before, after)
    assert changes, "nothing was seen to change"
    return any(change.breaking for change in changes)


@pytest.mark.parametrize("case", CASES)
def test_what_breaks_those_who_send(case: str) -> None:
    before, after, breaking, _ = CASES[case]
    assert breaks(described(body=before), described(body=after)) == breaking


@pytest.mark.parametrize("case", CASES)
def test_what_breaks_those_who_read(case: str) -> None:
    before, after, _, breaking = CASES[case]
    assert breaks(described(answer=before), described(answer=after)) == breaking


@pytest.mark.parametrize("case", CASES)
def test_it_is_seen_however_deep_it_stands(case: str) -> None:
    before, after, breaking, _ = CASES[case]

    def below(schema: Schema) -> dict[str, Any]:
        listed = {"type": "array", "items": {"$ref": "#/components/schemas/Note"}}
        note = fields("tags", tags={"type": "object", "additionalProperties": schema})
        return described(body=fields("notes", notes=listed), components={"Note": note})

    assert breaks(below(before), below(after)) == breaking


def test_another_type_breaks_both() -> None:
    for before, after in (
        (described(body=STRING), described(body={"type": "boolean"})),
        (described(answer=STRING), described(answer={"type": "boolean"})),
    ):
        assert breaks(before, after)


def test_operations_and_answers_come_and_go() -> None:
    nothing: dict[str, Any] = {"paths": {}}
    there = described(body=STRING)
    assert one(nothing, there) == Change("POST /notes", "is new", breaking=False)
    assert one(there, nothing) == Change("POST /notes", "is removed", breaking=True)
    for status, breaking in (("202", True), ("409", False)):
        answers: dict[str, Schema] = {"200": {}, status: {}}
        before, after = described(responses={"200": {}}), described(responses=answers)
        assert one(before, after).text == f"may answer {status}"
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


def test_what_is_taken_for_what_is_left_out() -> None:
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
    # Who had to give a value goes on giving it.
    freed = one(with_parameter(required=True), twenty)
    assert (freed.text, freed.breaking) == ("query parameter limit is no longer required", False)

    def with_default(word: str, value: str) -> Schema:
        kind: Schema = {"$ref": "#/components/schemas/Kind"}
        standing: dict[str, Schema] = {
            "beside": {"anyOf": [kind, NULL], "default": value},
            "below": {"anyOf": [NULL, {**kind, "default": value}]},
        }
        return standing[word]

    for word in ("beside", "below"):
        both = [fields(kind=with_default(word, value)) for value in ("a", "b")]
        kinds = {"Kind": {"enum": ["a", "b"]}}
        sent = [described(body=each, components=kinds) for each in both]
        read = [described(answer=each, components=kinds) for each in both]
        assert one(*sent).text == 'body.kind: default was "a" and is "b"'
        assert one(*sent).breaking
        assert changes_between(*read) == []

    def with_body(default: str) -> dict[str, Any]:
        content = {"application/json": {"schema": STRING | {"default": default}}}
        return described(requestBody={"content": content})

    assert one(with_body("a"), with_body("b")).breaking


def test_another_media_type() -> None:
    def taking(*media_types: str) -> dict[str, Any]:
        return described(requestBody={"content": {name: {} for name in media_types}})

    form, json = "application/x-www-form-urlencoded", "application/json"
    assert not breaks(taking(json), taking(json, form))
    assert breaks(taking(json, form), taking(json))


def test_who_may_call() -> None:
    def opened_by(*choices: dict[str, list[str]]) -> dict[str, Any]:
        return described(security=list(choices))

    token: dict[str, list[str]] = {"accessToken": []}
    credential: dict[str, list[str]] = {"credential": []}
    assert breaks(described(), opened_by(token))
    assert not breaks(opened_by(token), described())
    assert not breaks(opened_by(token), opened_by(token, credential))
    assert breaks(opened_by(token, credential), opened_by(token))
    assert breaks(opened_by(token), opened_by(token | credential))


def test_how_callers_show_who_they_are() -> None:
    def opened_by(**scheme: str) -> dict[str, Any]:
        description = described(security=[{"token": []}])
        description["components"]["securitySchemes"] = {"token": scheme}
        return description

    bearer = opened_by(type="http", scheme="bearer")
    for other in (
        opened_by(type="http", scheme="basic"),
        opened_by(**{"type": "apiKey", "in": "header", "name": "X-Token"}),
    ):
        assert one(bearer, other) == Change("POST /notes", "who may call it changed", breaking=True)
    told = opened_by(type="http", scheme="bearer", bearerFormat="JWT", description="A token")
    assert changes_between(bearer, told) == []


def test_the_name_in_generated_clients() -> None:
    assert breaks(described(operationId="one"), described(operationId="other"))


def test_texts_and_names_of_schemas_change_nothing() -> None:
    def with_note(name: str, text: str) -> dict[str, Any]:
        note = fields("text", text={"type": "string", "title": text, "examples": [text]})
        reference = {"$ref": f"#/components/schemas/{name}", "description": text}
        return described(body=reference, summary=text, components={name: note})

    assert changes_between(with_note("Note", "one"), with_note("NoteIn", "other")) == []


def test_what_is_deprecated_is_told() -> None:
    assert one(described(), described(deprecated=True)) == Change(
        "POST /notes", "it is deprecated", breaking=False
    )
    sunset: dict[str, Any] = {"x-sunset": "2027-01-31"}
    ending = described(deprecated=True, **sunset)
    assert one(described(), ending).text == "it is deprecated, until 2027-01-31"
    assert one(ending, described()).text == "it is no longer deprecated"
    old = {"type": "string", "deprecated": True}
    assert one(described(answer=fields(a=STRING)), described(answer=fields(a=old))) == Change(
        "POST /notes", "200.a is deprecated", breaking=False
    )


def test_schemas_that_hold_themselves_have_an_end() -> None:
    def tree(**more: Schema) -> dict[str, Any]:
        children = {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}
        return described(
            body={"$ref": "#/components/schemas/Tree"},
            components={"Tree": {"properties": {"children": children} | more}},
        )

    assert changes_between(tree(), tree()) == []
    assert one(tree(), tree(a=STRING)).text == "body.a is new, and may be left out"


@pytest.mark.parametrize("word", ["allOf", "prefixItems"])
def test_what_is_not_laid_out_is_compared_with_all_that_it_refers_to(word: str) -> None:
    def holding(schema: Schema) -> dict[str, Any]:
        parts = [{"$ref": "#/components/schemas/Part"}, {"$ref": "#/components/schemas/Part"}]
        return described(body={word: parts}, components={"Part": schema})

    assert changes_between(holding(STRING), holding(STRING)) == []
    assert breaks(holding(STRING), holding({"type": "string", "maxLength": 8}))


def test_limits_beside_alternatives_hold_for_each() -> None:
    either: Schema = {"anyOf": [STRING, {"type": "integer"}]}
    assert breaks(described(body=either), described(body=either | {"enum": ["a", 1]}))
    assert breaks(described(answer=either | {"enum": ["a"]}), described(answer=either))


def test_what_all_problems_share_is_told_once() -> None:
    def with_problem(**properties: Schema) -> dict[str, Any]:
        answer = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        return described(
            responses={status: {"content": answer} for status in ("404", "409")},
            components={"Problem": {"properties": properties}},
        )

    both, less = with_problem(type=STRING, title=STRING), with_problem(type=STRING)
    assert one(both, less) == Change("every problem", ".title is removed", breaking=True)
    assert not one(less, both).breaking
