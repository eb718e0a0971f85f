"""Facts of the repository for the pages in `docs/reference`, beside those of single services.

Tools know none of each other, so this module loads each by its name.
"""

import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cathouse_scaffold.command_lines import command_rows
from cathouse_scaffold.schema_rows import schema_rows

Facts = dict[str, Any]


def facts(root: Path) -> Facts:
    """Return the programs, the Make targets, the registry's fields, and the keys of `process-compose.yaml`."""
    config = importlib.import_module("process_compose.config")
    return {
        "programs": list(_programs(root)),
        "targets": targets((root / "Makefile").read_text(encoding="utf-8")),
        "registry_fields": registry_fields((root / "services.toml").read_text(encoding="utf-8")),
        "process_compose_keys": list(schema_rows(config.ProjectConfig.model_json_schema())),
    }


def _programs(root: Path) -> Iterator[Facts]:
    modules = ["bench.__main__"] if (root / "bench").is_dir() else []
    for project in sorted(root.glob("tools/*/pyproject.toml")):
        scripts = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("scripts", {})
        modules += [entry.partition(":")[0] for entry in scripts.values()]
    for module in modules:
        parser = importlib.import_module(module).build_parser()
        yield {
            "name": parser.prog,
            "about": parser.description,
            "rows": list(command_rows(parser)),
        }


def targets(makefile: str) -> list[Facts]:
    """Return the `name` and `help` of each target that `make help` lists."""
    found = re.findall(r"^([a-z-]+):.*## (.*)", makefile, re.MULTILINE)
    return [{"name": name, "help": text} for name, text in found]


def registry_fields(registry: str) -> list[Facts]:
    """Return the `name` and `help` of each field that the first comment of `services.toml` explains."""
    fields: list[Facts] = []
    for line in registry.splitlines():
        if match := re.fullmatch(r"#   (\S+)  +(.*)", line):
            fields.append({"name": match[1], "help": match[2]})
        elif fields and (match := re.fullmatch(r"#     +(.*)", line)):
            fields[-1]["help"] += f" {match[1]}"
    return fields
