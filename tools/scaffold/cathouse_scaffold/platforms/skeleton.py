"""Take the marketplace out of the platform: auth, the kit and one example service stay."""

import ast
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from cathouse_scaffold.platforms import marketplace

EXAMPLE = "bookmarks"
"""The service that `make service` creates in a skeleton."""

_PARTS = "|".join(map(re.escape, marketplace.PATHS))
# A line of a page that names a removed file or target, or a row of a table about a removed service. One line is one
# sentence.
_NAMING = re.compile(
    rf"^(?:.*`make (?:{'|'.join(marketplace.TARGETS)})\b|.*`[^`\n]*(?<![\w/.-])(?:{_PARTS})(?![\w-])"
    rf"|\| `?(?:{'|'.join(marketplace.SERVICES)})`? \|).*\n",
    re.MULTILINE,
)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


def reduce_to_skeleton(root: Path, paths: list[Path]) -> list[Path]:
    """Remove the marketplace, and return the files that stay."""
    for part in marketplace.PATHS:
        path = root / part
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    _edit(root / "services.toml", _without_services)
    _edit(root / "docs/openapi/breaking.toml", _without_declarations)
    _edit(root / "Makefile", _without_targets)
    for name in marketplace.LISTS:
        _edit(root / name, _without_removed_parts)
    for name, definitions in marketplace.DEFINITIONS.items():
        _edit(root / name, partial(_without_definitions, definitions.split()))
    for name, changes in marketplace.CHANGES.items():
        for pattern, replacement in changes:
            _edit(root / name, partial(re.compile(pattern, re.MULTILINE).sub, replacement))
    stay = [path for path in paths if (root / path).exists()]
    for path in stay:
        if path.is_relative_to("tools/scaffold/cathouse_scaffold"):
            continue  # this code itself
        if any(path.is_relative_to(folder) for folder in marketplace.EXAMPLES):
            _edit(root / path, _with_the_example)
        if path.suffix == ".md":
            _edit(root / path, lambda text: _NAMING.sub("", text))
            _edit(root / path, partial(_without_dead_links, (root / path).parent))
    return stay


def _edit(file: Path, change: Callable[[str], str]) -> None:
    text = file.read_text(encoding="utf-8")
    after = change(text)
    if after != text:
        file.write_text(after, encoding="utf-8")


def _without_services(text: str) -> str:
    for name in marketplace.SERVICES:
        text = re.sub(rf"\n\[{name}\]\n(?:[^\n]+\n?)*", "", text)
    return text


def _without_declarations(text: str) -> str:
    """Return the declared breaking changes of the API without those of the removed services."""
    first, *declarations = text.split("[[breaking]]")
    removed = tuple(f'\nservice = "{name}"\n' for name in marketplace.SERVICES)
    return "[[breaking]]".join([first, *(d for d in declarations if not d.startswith(removed))])


def _without_targets(text: str) -> str:
    """Return a Makefile without the targets of the marketplace, and without their comments."""
    for name in marketplace.TARGETS:
        text = re.sub(rf"(?:^#.*\n)*^{name}:.*\n(?:\t.*\n)*\n", "", text, flags=re.MULTILINE)
        text = re.sub(rf"^(\.PHONY:.*) {name}\b", r"\1", text, flags=re.MULTILINE)
    return text


def _without_removed_parts(text: str) -> str:
    packages = "|".join(
        (*(f"cathouse_{name}" for name in marketplace.SERVICES), "cathouse_example_tasks")
    )
    # A list in one line loses the element, a list of lines loses the line.
    text = re.sub(rf', "(?:{_PARTS})"(?=[,\]])', "", text)
    return re.sub(
        rf"^.*(?:\b(?:{packages})\b|[ ./\"](?:{_PARTS})(?![\w-])).*\n", "", text, flags=re.MULTILINE
    )


def _without_definitions(names: list[str], text: str) -> str:
    """Return a module without these functions, methods and constants. A method is `Class.method`."""
    lines = text.splitlines(keepends=True)
    for name, first, last in reversed(list(_definitions(ast.parse(text).body, ""))):
        if name in names:
            del lines[first - 1 : last]
    return "".join(lines)


def _definitions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, int, int]]:
    """Yield the name, the first line and the last line of each definition, in the order of the lines."""
    for node in body:
        last = node.end_lineno or node.lineno
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                yield prefix + name, first, last
            case ast.ClassDef(name=name):
                yield from _definitions(node.body, f"{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield prefix + name, node.lineno, last


def _with_the_example(text: str) -> str:
    names = "|".join(marketplace.SERVICES)
    text = re.sub(rf"\b((?:cathouse_)?)(?:{names})(?=\b|_owner\b)", rf"\1{EXAMPLE}", text)
    # A list of services names the example once.
    text = re.sub(rf"\b{EXAMPLE}(?:,? {EXAMPLE})+\b", EXAMPLE, text)
    return re.sub(r"\bCATALOG_(?=URL|PORT)", f"{EXAMPLE.upper()}_", text)


def _without_dead_links(folder: Path, text: str) -> str:
    """Return a page without the lines of tables, and without the links, to files that are gone."""

    def is_dead(target: str) -> bool:
        outside = target.startswith(("https://", "http://", "mailto:"))
        return not outside and not (folder / target).exists()

    def words(found: re.Match[str]) -> str:
        return found[1] if is_dead(found[2]) else found[0]

    return "".join(_lines(text, is_dead, words))


def _lines(
    text: str, is_dead: Callable[[str], bool], words: Callable[[re.Match[str]], str]
) -> Iterator[str]:
    for line in text.splitlines(keepends=True):
        row = line.startswith("|")
        if row and any(is_dead(found[2]) for found in _LINK.finditer(line)):
            continue
        yield _LINK.sub(words, line)
