"""Tests wait for conditions, because a test that sleeps is slow, and fails on a slow machine."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = "# slow on purpose: "


def sources() -> Iterator[Path]:
    """Yield the modules that run in tests."""
    yield ROOT / "conftest.py"
    for path in ROOT.glob("[!.]*/**/*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "tests" in parts or "testing" in parts:
            yield path


def naps(node: ast.AST, polls: bool = False) -> Iterator[ast.Call]:
    """Yield calls of `sleep` outside of `while` loops, which poll; `sleep(0)` only lets other tasks run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and not polls:
            name = getattr(child.func, "attr", getattr(child.func, "id", ""))
            if name == "sleep" and [ast.unparse(argument) for argument in child.args] != ["0"]:
                yield child
        if isinstance(child, ast.While):
            yield from naps(child, polls=True)
        elif isinstance(
            child, ast.For | ast.AsyncFor | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        ):
            yield from naps(child, polls=False)
        else:
            yield from naps(child, polls)


def unexplained(text: str) -> list[int]:
    """Return the lines of naps that have no `MARK` with a reason on the line before."""
    lines = ["", *text.splitlines()]
    return [
        nap.lineno
        for nap in naps(ast.parse(text))
        if not lines[nap.lineno - 1].lstrip().startswith(MARK)
    ]


def test_polls_and_marked_naps_are_told_from_others() -> None:
    text = """
time.sleep(1)
while not ready():
    time.sleep(0.1)
    for letter in "cat":
        sleep(1)
await asyncio.sleep(0)
# slow on purpose: the client is late
await asyncio.sleep(1)
script = lambda: asyncio.sleep(1)
"""
    assert unexplained(text) == [2, 6, 10]


def test_no_test_sleeps() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(sources())
        for line in unexplained(path.read_text())
    ]
    assert not found, f"wait for a condition, or say why time must pass ({MARK}…): {found}"
