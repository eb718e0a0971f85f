"""Record the output of `make up` as docs/make-up.svg, in the colours of the terminal.

Run it in the root of the repository: `.venv/bin/python docs/record.py`. The ports of the stack must be free.
"""

import os
import pty
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

COMMAND = "make up"
LAST = "Press Ctrl-C to stop it."
TARGET = Path("docs/make-up.svg")

COLUMNS = 116
WIDTH, HEIGHT, MARGIN = 8.0, 18, 20  # of a character, a line and the border, in pixels
PLAIN = "#e6edf3"
COLORS = {
    "31": "#ff7b72", "32": "#56d364", "33": "#e3b341", "34": "#79c0ff", "35": "#d2a8ff", "36": "#76e3ea",
    "91": "#ffa198", "92": "#7ee787", "93": "#f2cc60", "94": "#a5d6ff", "95": "#e2c5ff", "96": "#b3f0ff",
}  # fmt: skip
_COLOR = re.compile(r"\x1b\[(?:\d+;)*(\d*)m")


def record() -> str:
    """Return what the command prints until its last line, then stop it as Ctrl-C does."""
    process, terminal = pty.fork()
    if not process:
        os.execvp("make", COMMAND.split())  # noqa: S606, S607 - the command that people type
    printed = b""
    try:
        while LAST.encode() not in printed:
            printed += os.read(terminal, 65536)
        os.write(terminal, b"\x03")
        while os.read(terminal, 65536):
            pass
    except OSError:  # every process that had the terminal has ended
        os.waitpid(process, 0)
    return printed.decode().replace("\r", "")


def rows(printed: str) -> Iterator[list[tuple[str, str]]]:
    """Yield the rows of a terminal of COLUMNS: colours and texts. Longer lines continue in the next row."""
    for line in printed.splitlines():
        color, row, left = PLAIN, list[tuple[str, str]](), COLUMNS
        for index, part in enumerate(_COLOR.split(line)):
            if index % 2:
                color = COLORS.get(part, PLAIN)
                continue
            while len(part) > left:
                yield [*row, (color, part[:left])]
                part, row, left = part[left:], [], COLUMNS
            row.append((color, part))
            left -= len(part)
        yield row


def svg(printed: str) -> str:
    """Return the picture of a terminal that shows the text."""
    shown = [[("#7ee787", "$ "), (PLAIN, COMMAND)], *rows(printed)]
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(shown) * HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" role="img" aria-labelledby="title">',
        f'<title id="title">The output of {COMMAND}, recorded by docs/record.py</title>',
        "<style>text { font: 13px ui-monospace, Menlo, Consolas, monospace; white-space: pre }</style>",
        f'<rect width="{width:g}" height="{height}" rx="8" fill="#0d1117"/>',
    ]
    for number, row in enumerate(shown, 1):
        column = 0
        for color, text in row:
            if text.strip():
                # The length keeps columns aligned in every font.
                parts.append(
                    f'<text x="{MARGIN + column * WIDTH:g}" y="{MARGIN + number * HEIGHT - 5}" fill="{color}" '
                    f'textLength="{len(text) * WIDTH:g}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
                )
            column += len(text)
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    # The dashboard's address has a secret.
    shown = re.sub(r"token=[\w-]+", "token=…", record())
    TARGET.write_text(svg(shown), encoding="utf-8")
