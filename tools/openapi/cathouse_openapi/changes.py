"""The changes between two descriptions of a service, each marked as breaking or not.

A change is breaking when a valid request may now be refused, or when a response may have values that were not possible
before. Changes that cannot be compared, such as another pattern, count as breaking.
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
# Parts of the name of a node that are left out because they are obvious.
_PLAIN_TYPES = re.compile(
    r"\((string|number|boolean|null|array|object|anything)\)| as application/(problem\+)?json"
)


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One change. Its text stays the same while the change stays the same, because declarations contain it."""

    operation: str
    text: str
    breaking: bool

    def __str__(self) -> str:
        return f"`{self.operation}`: {self.text}"


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return the changes between two descriptions, sorted by operation."""
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
            # It is added and removed together with the operations of the service.
            return
        # Nodes below an added or removed node are not reported.
        elif after is not None and self._has_parent(self._before, key):
            yield from self._added(key, after)
        elif before is not None and self._has_parent(self._after, key):
            yield from self._removed(key, before)

    def _has_parent(self, nodes: Mapping[Key, SchemaNode], key: Key) -> bool:
        return len(key) == 1 or key[:-1] in nodes

    def _added(self, key: Key, node: SchemaNode) -> Iterator[tuple[str, bool]]:
        name, given = _name(key), node.side is Side.GIVEN
        match node.kind:
            case Kind.OPERATION:
                yield "is new", False
            case Kind.RESPONSE:
                yield f"may return {name}", _is_success(key)
            case Kind.FIELD if given:
                yield f"{name} is new", False
            case Kind.FIELD if node.required:
                yield f"{name} is new, and required", True
            case Kind.FIELD:
                yield f"{name} is new, and may be left out", False
            case Kind.ELEMENT:
                yield f"the values in {name} are limited", not given
            case Kind.VALUE:
                breaking = given and not self._anything(self._before, key)
                yield f"{_name(key[:-1])} may be {_value(key)}", breaking

    def _removed(self, key: Key, node: SchemaNode) -> Iterator[tuple[str, bool]]:
        name, given = _name(key), node.side is Side.GIVEN
        match node.kind:
            case Kind.OPERATION:
                yield "is removed", True
            case Kind.RESPONSE:
                yield f"no longer returns {name}", _is_success(key)
            case Kind.FIELD:
                yield f"{name} is removed", True
            case Kind.ELEMENT:
                yield f"the values in {name} are no longer limited", given
            case Kind.VALUE:
                breaking = not given and not self._anything(self._after, key)
                yield f"{_name(key[:-1])} may no longer be {_value(key)}", breaking

    def _anything(self, nodes: Mapping[Key, SchemaNode], key: Key) -> bool:
        return (*key[:-1], "(anything)") in nodes


def _required(key: Key, before: SchemaNode, after: SchemaNode) -> Iterator[tuple[str, bool]]:
    if before.required == after.required:
        return
    if after.side is Side.GIVEN:
        text = "is always present" if after.required else "may be missing"
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
            yield "the allowed callers changed", not _still_allowed(old, new)
        elif fact == "operationId":
            yield f"its name in clients was {old} and is {new}", True
        elif fact == "default":
            # A default matters only where callers could leave the value out before, and still can.
            if fact in before.facts and fact in after.facts:
                yield f"{_name(key)}: {fact} was {json.dumps(old)} and is {json.dumps(new)}", True
        else:
            wider, narrower = _allows(fact, old, new)
            # Narrower limits break requests, and wider limits break responses.
            breaking = wider if after.side is Side.GIVEN else narrower
            yield f"{_name(key)}: {fact} was {_show(old)} and is {_show(new)}", breaking


def _allows(fact: str, old: Any, new: Any) -> tuple[bool, bool]:
    """Return two flags: the new limit allows additional values; the new limit forbids earlier values."""
    if fact in _AT_LEAST:
        return _lower(new, old), _lower(old, new)
    if fact in _AT_MOST:
        return _higher(new, old), _higher(old, new)
    if fact == "enum" and old and new:
        return not _all_in(new, old), not _all_in(old, new)
    limited_before, limited_after = _limits(fact, old), _limits(fact, new)
    # Two limits that cannot be compared each allow values that the other one forbids.
    return limited_before, limited_after


def _limits(fact: str, value: Any) -> bool:
    return value is False if fact == "additionalProperties" else value not in (None, False)


def _lower(one: Any, other: Any) -> bool:
    return other is not None and (one is None or one < other)


def _higher(one: Any, other: Any) -> bool:
    return other is not None and (one is None or one > other)


def _all_in(some: list[Any], all_of: list[Any]) -> bool:
    return all(value in all_of for value in some)


def _still_allowed(before: frozenset[frozenset[str]], after: frozenset[frozenset[str]]) -> bool:
    return all(any(enough <= shown for enough in after) for shown in before)


def _is_success(key: Key) -> bool:
    return not key[-1].startswith(("4", "5"))


def _name(key: Key) -> str:
    """Return the name of a node for people, such as `200.items[].name`."""
    return _PLAIN_TYPES.sub("", "".join(key[1:])).strip() if len(key) > 1 else ""


def _value(key: Key) -> str:
    return key[-1].strip().removeprefix("as ").strip("()")


def _show(value: Any) -> str:
    if value is None:
        return "not limited"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
