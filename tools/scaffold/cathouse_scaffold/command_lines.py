"""Rows of a table for each command and option of a parser.

Help pages as argparse prints them differ between versions of Python. These rows do not.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

Row = dict[str, str]


def command_rows(parser: argparse.ArgumentParser, purpose: str = "") -> Iterator[Row]:
    """Yield `usage` and `help` of a parser, of each of its options, and of its commands in turn."""
    commands = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    values = [a for a in parser._actions if not a.option_strings and a not in commands]
    if not commands:
        usage = " ".join([parser.prog, *map(_value, values)])
        helps = [f"`{_value(value)}`: {_help(value)}" for value in values if _help(value)]
        yield {"usage": usage, "help": "; ".join(filter(None, [purpose, *helps]))}
    for option in parser._actions:
        if option.option_strings and not isinstance(option, argparse._HelpAction):
            yield {"usage": f"{parser.prog} {_option(option)}", "help": _help(option)}
    for action in commands:
        for command in action._choices_actions:
            yield from command_rows(action.choices[command.dest], command.help or "")


def _option(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return ", ".join(action.option_strings) + value


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    name = str(action.metavar or action.dest.upper())
    return f"[{name}]" if action.nargs == "?" else name


def _help(action: argparse.Action) -> str:
    required = "required" if action.required and action.option_strings else ""
    return "; ".join(filter(None, [action.help, required, _default(action.default)]))


def _default(default: object) -> str:
    # A default that depends on the machine, such as an absolute path, is no fact of the project.
    number = isinstance(default, int | float) and not isinstance(default, bool)
    folder = isinstance(default, Path) and not default.is_absolute()
    return f"default: `{default}`" if number or folder else ""
