"""Describe services from their code: routes, settings, tables, metrics and commands.

Run as a program in the root of a repository, this module prints the descriptions of all services and of the repository
as JSON. A separate process can import a service that is not installed yet.
"""

import argparse
import atexit
import gc
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from cathouse_kit.cli import build_parser
from cathouse_kit.openapi import app_to_describe
from cathouse_kit.registry import load_registry
from cathouse_kit.security import who_may_call
from cathouse_kit.settings import ServiceSettings
from fastapi import FastAPI
from fastapi.routing import APIRoute
from limits import RateLimitItem
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from cathouse_scaffold.command_lines import command_rows
from cathouse_scaffold.reference import facts

Described = dict[str, Any]


def describe(package: str) -> Described:
    """Return the routes, settings, tables, metrics and commands of a service."""
    settings = importlib.import_module(f"{package}.settings").Settings
    app = app_to_describe(package)
    return {
        "routes": list(_routes(app)),
        "settings": [_setting(settings, name) for name in settings.model_fields],
        "tables": list(_tables(importlib.import_module(f"{package}.models").Base)),
        "metrics": list(_metrics(app)),
        "commands": list(command_rows(_parser(package))),
    }


def _parser(package: str) -> argparse.ArgumentParser:
    further = f"{package}.commands"
    known = importlib.util.find_spec(further)
    return build_parser(package, importlib.import_module(further).COMMANDS if known else ())


def _routes(app: FastAPI) -> Iterator[Described]:
    described = app.openapi()["paths"]
    for route in chain.from_iterable(router.routes for router in app.state.routers):
        if not isinstance(route, APIRoute) or not route.include_in_schema or "probes" in route.tags:
            continue
        methods = sorted(route.methods or ())
        operation = described[route.path_format][methods[0].lower()]
        yield {
            "methods": methods,
            "path": route.path_format,
            "who": who_may_call(route),
            "what": operation["summary"] + (", deprecated" if operation.get("deprecated") else ""),
            "errors": list(_errors(operation["responses"])),
        }


def _errors(responses: dict[str, Any]) -> Iterator[Described]:
    """Yield the documented problems of an operation, by status."""
    for status, response in sorted(responses.items()):
        content = response.get("content", {}).get("application/problem+json", {})
        for name, example in content.get("examples", {}).items():
            yield {"status": status, "name": name, "title": example["value"]["title"]}


def _setting(settings: type[ServiceSettings], name: str) -> Described:
    field = settings.model_fields[name]
    # The settings of all services. A service may have another default for some of them.
    common: dict[str, FieldInfo] = settings.__base__.model_fields  # type: ignore[union-attr]
    return {
        "variable": name.upper(),
        "type": _type(name, field),
        "required": field.is_required(),
        "default": _default(field),
        "bounds": _bounds(field),
        "meaning": field.description or common[name].description,
        "own": name not in common,
        "differs": name in settings.__annotations__,
    }


def _bounds(field: FieldInfo) -> str:
    """Return the limits of a number or of a text's length, such as `1 to 100`; empty where there are none."""
    limits = {
        key: value
        for limit in field.metadata
        for key in ("ge", "le", "gt", "lt", "min_length", "max_length")
        if (value := getattr(limit, key, None)) is not None
    }
    phrases = {
        "ge": "at least {}",
        "le": "at most {}",
        "gt": "more than {}",
        "lt": "less than {}",
        "min_length": "at least {} characters",
        "max_length": "at most {} characters",
    }
    if limits.keys() == {"ge", "le"}:
        return f"{limits['ge']} to {limits['le']}"
    return ", ".join(phrases[key].format(value) for key, value in limits.items())


def _type(name: str, field: FieldInfo) -> str:
    kinds = [
        kind for kind in get_args(field.annotation) or [field.annotation] if kind is not NoneType
    ]
    if get_origin(field.annotation) is Literal:
        return ", ".join(map(str, kinds))
    if RateLimitItem in kinds:
        return "AMOUNT/UNIT"
    if get_origin(field.annotation) is tuple:
        return "list"
    if name.endswith(("_url", "_endpoint", "_storage")):
        return "URL"
    names: dict[Any, str] = {
        bool: "true, false",
        int: "whole number",
        float: "number",
        SecretStr: "secret",
    }
    return names.get(kinds[0], "text")


def _default(field: FieldInfo) -> str:
    """Return the default as the environment would spell it. It is empty without a fixed default."""
    default = None if field.is_required() or field.default_factory else field.default
    match default:
        case None:
            return ""
        case bool():
            return str(default).lower()
        case tuple():
            return ",".join(default)
        case SecretStr():
            return default.get_secret_value()
        case RateLimitItem():
            several = f"{default.multiples} " if default.multiples > 1 else ""
            return f"{default.amount}/{several}{default.GRANULARITY.name}"
    return str(default)


def _tables(base: Any) -> Iterator[Described]:
    for mapper in sorted(base.registry.mappers, key=lambda mapper: str(mapper.local_table.name)):
        holds = " ".join((mapper.class_.__doc__ or "").partition("\n\n")[0].split())
        yield {
            "name": mapper.local_table.name,
            "holds": holds,
            "columns": [column.name for column in mapper.local_table.columns],
        }


def _metrics(app: FastAPI) -> Iterator[Described]:
    registry = app.state.context.metrics.registry
    # The library shows labels only in samples, and a new metric has none.
    labels = {
        getattr(collector, "_name", None): getattr(collector, "_labelnames", ())
        for collector in registry._collector_to_names
    }
    for family in registry.collect():
        # Metrics of the process are the same in every program, and some systems do not have them.
        if not family.name.startswith("process_"):
            total = "_total" if family.type == "counter" else ""
            yield {
                "name": family.name + total,
                "type": family.type,
                "for": family.documentation,
                "labels": labels.get(family.name, ()),
            }


if __name__ == "__main__":
    # A third of the time would go into searching the imported services for garbage, also at the end of Python.
    gc.disable()
    atexit.register(gc.freeze)
    (registry,) = sys.argv[1:]
    services = {
        service.name: describe(service.package) for service in load_registry(Path(registry))
    }
    json.dump({"services": services, "repository": facts(Path())}, sys.stdout)
