"""The test coverage of each package, including the programs that tests start."""

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import coverage

from cathouse_stack.selected_tests import pytest_command


def measure(only: str, arguments: str) -> int:
    """Run the tests, print a table of the packages, and return the exit status of pytest."""
    command = [*pytest_command(only, arguments), "--cov", "--cov-report="]
    status = subprocess.run(command, check=False).returncode  # noqa: S603 - no shell
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        measured = coverage.Coverage()
        measured.load()
        measured.json_report(outfile=file.name)
        print(table(json.loads(Path(file.name).read_text(encoding="utf-8"))["files"]))
    return status


def table(files: Mapping[str, Any]) -> str:
    """Return one line for each package and one for all, from the `files` of coverage's JSON report."""
    lines: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    for name, file in files.items():
        for package in (str(_package(Path(name))), "all"):
            lines[package] += file["summary"]["num_statements"]
            covered[package] += file["summary"]["covered_lines"]
    return "\n".join(
        f"{package:<24}{lines[package]:>7} lines{covered[package] / (lines[package] or 1):>8.1%}"
        for package in sorted(lines, key=lambda package: (package == "all", package))
    )


def _package(file: Path) -> Path:
    """Return the folder of the distribution, for example `kit` or `services/catalog`."""
    return Path(*file.parts[: 1 if file.parts[0] in ("kit", "platform") else 2])
