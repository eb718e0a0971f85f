"""Check the project's prose with Vale: Markdown, docstrings, comments, and the descriptions of settings and commands.

`make prose` runs it, `python ci/prose.py tests README.md` checks parts. The rules are in .vale/CatHouse.

Vale ignores the docstrings of attributes, and the comments of TOML, Nix and shell. So this module hands it the prose
of each file as Markdown. Two rules need the source and are checked here: the length of Markdown lines, and the first
word of docstrings. The last line of the output counts files: `N passed, N failed in S s`.
"""

import ast
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[1]
MAX_LINE = 120
# Files with text by others, generated code and its templates, data, and changes of released versions.
LEFT_OUT = (
    "clients/python/cathouse_client/generated/",
    "clients/python/templates/",
    "docs/openapi/CHANGELOG.md",
    "kit/cathouse_kit/swagger_ui/",
    "requirements/",
    "services/auth/cathouse_auth/services/data/",
)
HIDDEN = {".ci", ".devcontainer", ".github", ".pre-commit-config.yaml"}
GENERATED = {"__pycache__", "build", "dist", "node_modules", "secrets"}
WITH_HASHES = {".example", ".nix", ".sh", ".toml", ".yaml", ".yml"}
# Keyword arguments that users read: settings, fields of the API, options of commands.
DESCRIPTIONS = {"description", "epilog", "help", "summary"}
# Comments for programs, variables, and indented commands.
NO_PROSE = re.compile(r"!|noqa|type:|pragma|shellcheck|syntax=|[A-Z][A-Z0-9_]*=|\s{2,}")
HASH = re.compile(r"(?:^|\s)##? (.*)$")
FIRST_WORD = re.compile(r"\W*(?:What|Whatever|Who|Whoever|Which|Whether|Where|How)\b")

# A line of prose, with its number in the source. A line without text ends a paragraph.
Line = tuple[int, str]


def main(names: list[str]) -> int:
    if not shutil.which("vale"):
        print(
            "vale is missing: install it from https://vale.sh/docs/install, or with Go: "
            "go install github.com/vale-cli/vale/v3/cmd/vale@v3.22.0",
            file=sys.stderr,
        )
        return 1
    began = time.monotonic()
    files = sorted(_files(names))
    findings = [finding for file in files for finding in _own_findings(file)]
    findings += _findings_of_vale(files)
    for path, number, rule, message in sorted(findings):
        print(f"{path}:{number}: {message} ({rule})")
    failed = len({path for path, *_ in findings})
    print(f"{len(files) - failed} passed, {failed} failed in {time.monotonic() - began:.1f}s")
    return 1 if findings else 0


def prose_of(path: Path) -> Iterator[Line]:
    """Yield the lines of a file that are prose, as Markdown."""
    suffix, text = _source(path)
    if suffix == ".md":
        yield from enumerate(text.splitlines(), 1)
    elif suffix == ".py":
        yield from _docstrings_and_descriptions(text)
        yield from _comments(
            (token.start[0], token.string, not token.line[: token.start[1]].strip())
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT
        )
    else:
        yield from _comments(
            (number, match[0].strip(), not line[: match.start()].strip())
            for number, line in enumerate(text.splitlines(), 1)
            if (match := HASH.search(line))
        )


def _source(path: Path) -> tuple[str, str]:
    """Return the ending of a file's name, and its text. A template counts as the file that it renders."""
    text = path.read_text()
    if path.suffix == ".jinja":
        return Path(path.stem).suffix, re.sub(r"{{.*?}}", "name", text)
    return path.suffix, text


def _files(names: Iterable[str]) -> Iterator[Path]:
    for path in (ROOT / name for name in names or ["."]):
        if path.is_file():
            yield path
            continue
        for child in path.iterdir():
            name = str(child.relative_to(ROOT))
            if (
                child.is_symlink()
                or (child.name.startswith(".") and child.name not in HIDDEN and child.is_dir())
                or child.name in GENERATED
                or f"{name}/".startswith(LEFT_OUT)
            ):
                continue
            if child.is_dir():
                yield from _files([name])
            elif _has_prose(child):
                yield child


def _has_prose(path: Path) -> bool:
    if path.suffix in {".md", ".py", ".jinja", *WITH_HASHES} or path.name in {
        "Makefile",
        "Dockerfile",
    }:
        return True
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _docstrings_and_descriptions(text: str) -> Iterator[Line]:
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if _is_docstring(node):
            yield from _dedented(node.lineno, lines[node.lineno - 1 : node.end_lineno])
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in DESCRIPTIONS and isinstance(keyword.value, ast.Constant):
                    yield from _paragraph(keyword.value.lineno, str(keyword.value.value))


def _is_docstring(node: ast.AST) -> TypeGuard[ast.Expr]:
    """Return whether a node is a string on its own: attributes have docstrings too."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _dedented(first: int, lines: list[str]) -> Iterator[Line]:
    indent = len(lines[0]) - len(lines[0].lstrip())
    for number, line in enumerate(lines, first):
        yield number, line[indent:].replace('"""', "")
    yield 0, ""


def _paragraph(number: int, text: str) -> Iterator[Line]:
    yield number, " ".join(text.split())
    yield 0, ""


def _comments(comments: Iterable[tuple[int, str, bool]]) -> Iterator[Line]:
    """Yield comments as paragraphs: those on lines of their own that follow each other are one."""
    previous = 0
    for number, comment, alone in comments:
        text = re.sub(r"^#+ ?", "", comment)
        if number != previous + 1 or not alone:
            yield 0, ""
        if NO_PROSE.match(text):
            yield 0, ""
        else:
            yield number, text
        previous = number if alone else 0


Finding = tuple[str, int, str, str]


def _own_findings(path: Path) -> Iterator[Finding]:
    name = str(path.relative_to(ROOT))
    suffix, text = _source(path)
    if suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if _is_docstring(node) and (
                word := FIRST_WORD.match(str(ast.literal_eval(node.value)))
            ):
                message = f"Begin the docstring with a verb or a noun, not with '{word[0]}'."
                yield name, node.lineno, "Docstrings", message
    elif suffix == ".md":
        fenced = False
        for number, line in enumerate(text.splitlines(), 1):
            fenced ^= line.lstrip().startswith("```")
            if len(line) > MAX_LINE and not fenced and not line.lstrip().startswith("|"):
                yield name, number, "LineLength", f"Break this line: it has {len(line)} characters."


def _findings_of_vale(files: list[Path]) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory(prefix="cathouse-prose-") as folder:
        sources: dict[str, tuple[str, list[Line]]] = {}
        for index, path in enumerate(files):
            lines = list(prose_of(path))
            target = Path(folder, f"{index}.md")
            target.write_text("".join(f"{text}\n" for _, text in lines))
            sources[target.name] = str(path.relative_to(ROOT)), lines
        command = ["vale", "--no-global", "--output=JSON", f"--config={ROOT / '.vale.ini'}", folder]
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if result.returncode not in (0, 1) or not result.stdout:
            sys.exit(f"vale failed:\n{result.stdout}{result.stderr}")
        for found, alerts in json.loads(result.stdout).items():
            name, lines = sources[Path(found).name]
            for alert in alerts:
                number, _ = lines[alert["Line"] - 1]
                yield name, number, alert["Check"].partition(".")[2], alert["Message"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
