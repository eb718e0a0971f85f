"""What changed between two descriptions of a service, and which of it breaks callers.

A change breaks callers where a request that was good may be refused, or an answer may be what it could not be. What
cannot be judged, such as another pattern, counts as breaking.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cathouse_openapi.flatten import EVERY_PROBLEM, Key, Kind, SchemaNode, Side, flatten

_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_AT_MOST = (
    "maximum",
    "exclusiveMaximum",
    "maxLength",
    "maxItems",
    "maxProperties",
    "maxContains",
    "x-maxBytes",
)
# What goes without saying in the name of a node.
_PLAIN_TYPES = re.compile(
    r"\((string|number|boolean|null|array|object|anything)\)| as application/(problem\+)?json"
)


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One change, in words that stay the same as long as the change does."""

    operation: str
    text: str
    breaking: bool

    def __str__(self) -> str:
        return f"`{self.operation}`: {self.text}"


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The changes of a description, by operation."""
    return sorted(_Comparison(flatten(before), flatten(after)).changes())


class _Comparison:
    def __init__(self, before: Mapping[Key, SchemaNode], after: Mapping[Key, SchemaNode]) -> None:
        self._before = before
        self._after = after

    def changes(self) -> set[Change]:
        return {
            Change(key[0], text, breaking)
            for key in self._before.keys() | self._after.keys()
            for text, breaking in self._at(key)
        }

    def _at(self, key: Key) -> Iterator[tuple[str, bool]]:
        before, after = self._before.get(key), self._after.get(key)
        if before is not None and after is not None:
            yield from _required(key, before, after)
            yield from _facts(key, before, after)
            if after.deprecated != before.deprecated:
                yield f"{_name(key) or 'it'} is {after.deprecated or 'no longer deprecated'}", False
        elif key == EVERY_PROBLEM:
            # It comes and goes with the service's operations.
            return
        # What stands below a node that came or went as a whole need not be told.
        elif after is not None and self._stands_in(self._before, key):
            yield from self._came(key, after)
        elif before is not None and self._stands_in(self._after, key):
            yield from self._went(key, before)

    def _stands_in(self, nodes: Mapping[Key, SchemaNode], key: Key) -> bool:
        return len(key) == 1 or key[:-1] in nodes

    def _came(self, key: Key, node: SchemaNode) -> Iterator[tuple[str, bool]]:
        name, given = _name(key), node.side is Side.GIVEN
        match node.kind:
            case Kind.OPERATION:
                yield "is new", False
            case Kind.ANSWER:
                yield f"may answer {name}", _is_success(key)
            case Kind.FIELD if given:
                yield f"{name} is new", False
            case Kind.FIELD if node.required:
                yield f"{name} is new, and required", True
            case Kind.FIELD:
                yield f"{name} is new, and may be left out", False
            case Kind.ELEMENT:
                yield f"what is in {name} is limited", not given
            case Kind.VALUE:
                breaking = given and not self._anything(self._before, key)
                yield f"{_name(key[:-1])} may be {_value(key)}", breaking

    def _went(self, key: Key, node: SchemaNode) -> Iterator[tuple[str, bool]]:
        name, given = _name(key), node.side is Side.GIVEN
        match node.kind:
            case Kind.OPERATION:
                yield "is removed", True
            case Kind.ANSWER:
                yield f"no longer answers {name}", _is_success(key)
            case Kind.FIELD:
                yield f"{name} is removed", True
            case Kind.ELEMENT:
                yield f"what is in {name} is no longer limited", given
            case Kind.VALUE:
                breaking = not given and not self._anything(self._after, key)
                yield f"{_name(key[:-1])} may no longer be {_value(key)}", breaking

    def _anything(self, nodes: Mapping[Key, SchemaNode], key: Key) -> bool:
        return (*key[:-1], "(anything)") in nodes


def _required(key: Key, before: SchemaNode, after: SchemaNode) -> Iterator[tuple[str, bool]]:
    if before.required == after.required:
        return
    if after.side is Side.GIVEN:
        text = "is always there" if after.required else "may be missing"
        yield f"{_name(key)} {text}", not after.required
    else:
        text = "is required" if after.required else "is no longer required"
        yield f"{_name(key)} {text}", after.required


def _facts(key: Key, before: SchemaNode, after: SchemaNode) -> Iterator[tuple[str, bool]]:
    for fact in sorted(before.facts.keys() | after.facts.keys()):
        old: Any = before.facts.get(fact)
        new: Any = after.facts.get(fact)
        if old == new:
            continue
        if fact == "security":
            yield "who may call it changed", not _still_let_in(old, new)
        elif fact == "operationId":
            yield f"its name in clients was {old} and is {new}", True
        elif fact == "default":
            # Who had to give a value, or now has to, is not used to another in its stead.
            if fact in before.facts and fact in after.facts:
                yield f"{_name(key)}: {fact} was {json.dumps(old)} and is {json.dumps(new)}", True
        else:
            wider, narrower = _allows(fact, old, new)
            # Callers must cope with narrower requests, and with wider answers.
            breaking = wider if after.side is Side.GIVEN else narrower
            yield f"{_name(key)}: {fact} was {_show(old)} and is {_show(new)}", breaking


def _allows(fact: str, old: Any, new: Any) -> tuple[bool, bool]:
    """Whether the new limit allows something that the old one did not, and the other way round."""
    if fact in _AT_LEAST:
        return _lower(new, old), _lower(old, new)
    if fact in _AT_MOST:
        return _higher(new, old), _higher(old, new)
    if fact == "enum" and old and new:
        return not _all_in(new, old), not _all_in(old, new)
    limited_before, limited_after = _limits(fact, old), _limits(fact, new)
    # Where both limit, by what cannot be compared, each allows something that the other does not.
    return limited_before, limited_after


def _limits(fact: str, value: Any) -> bool:
    return value is False if fact == "additionalProperties" else value not in (None, False)


def _lower(one: Any, other: Any) -> bool:
    return other is not None and (one is None or one < other)


def _higher(one: Any, other: Any) -> bool:
    return other is not None and (one is None or one > other)


def _all_in(some: list[Any], all_of: list[Any]) -> bool:
    return all(value in all_of for value in some)


def _still_let_in(before: frozenset[frozenset[str]], after: frozenset[frozenset[str]]) -> bool:
    return all(any(enough <= shown for enough in after) for shown in before)


def _is_success(key: Key) -> bool:
    return not key[-1].startswith(("4", "5"))


def _name(key: Key) -> str:
    """A node as people write it, such as `200.items[].name`."""
    return _PLAIN_TYPES.sub("", "".join(key[1:])).strip() if len(key) > 1 else ""


def _value(key: Key) -> str:
    return key[-1].strip().removeprefix("as ").strip("()")


def _show(value: Any) -> str:
    if value is None:
        return "not limited"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
