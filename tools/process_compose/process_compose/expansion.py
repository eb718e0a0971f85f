"""Expansion of `${NAME}` in the raw text of a configuration, before YAML reads it.

The rules are those of process-compose:

- `${NAME}` and `${NAME:-default}` are replaced everywhere, also in comments and in quoted text.
  An unset or empty variable becomes the default, or an empty text.
- `$$` becomes `$`. `$NAME` is left to the shell.
- `\\\\` and `\\/` lose their first backslash.
"""

import re
from collections.abc import Mapping

from process_compose.errors import UserError

_ESCAPED_DOLLAR = "\0"
_REFERENCE = re.compile(r"\$\{(\w+)(:-|\})")
_ESCAPED = re.compile(r"\\([\\/])")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with its references replaced.

    Raises UserError with the line number for any other form of reference.
    """
    if _ESCAPED_DOLLAR in text:
        line = text.count("\n", 0, text.index(_ESCAPED_DOLLAR)) + 1
        raise UserError(f"line {line}: NUL characters are not allowed: remove them")
    marked = text.replace("$$", _ESCAPED_DOLLAR)
    expanded, _ = _Expander(marked, variables).expand(0, in_default=False)
    return expanded.replace(_ESCAPED_DOLLAR, "$")


class _Expander:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self._text = text
        self._variables = variables

    def expand(self, position: int, *, in_default: bool) -> tuple[str, int]:
        """Expand from `position` to the end of the text, or in a default to its `}`.

        Return the expanded text and the position after it.
        """
        parts: list[str] = []
        while True:
            stop = self._next(position, in_default=in_default)
            literal = self._text[position:stop]
            parts.append(literal if in_default else _ESCAPED.sub(r"\1", literal))
            if stop == len(self._text):
                return "".join(parts), stop
            if self._text[stop] == "}":
                return "".join(parts), stop + 1
            value, position = self._reference(stop)
            parts.append(value)

    def _next(self, position: int, *, in_default: bool) -> int:
        ends = [self._text.find("${", position)]
        if in_default:
            ends.append(self._text.find("}", position))
        return min((end for end in ends if end >= 0), default=len(self._text))

    def _reference(self, start: int) -> tuple[str, int]:
        match = _REFERENCE.match(self._text, start)
        if match is None:
            raise self._refused(start, "only ${NAME} and ${NAME:-default} are supported")
        value = self._variables.get(match[1], "")
        if match[2] == "}":
            return value, match.end()
        default, after = self.expand(match.end(), in_default=True)
        if self._text[after - 1] != "}":
            raise self._refused(start, "the closing } is missing")
        return value or default, after

    def _refused(self, start: int, reason: str) -> UserError:
        line = self._text.count("\n", 0, start) + 1
        shown = self._text[start:].splitlines()[0][:30].replace(_ESCAPED_DOLLAR, "$$")
        return UserError(f"line {line}: {shown!r}: {reason}; write $$ for a plain $")
