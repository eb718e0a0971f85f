"""A Python prompt with the settings and a database session of one service. The prompt accepts `await`."""

import ast
import asyncio
import code
import importlib
import types
from contextlib import suppress
from typing import Any

import sqlalchemy
from cathouse_kit.database import Database
from cathouse_kit.settings import SettingsError, load_settings

from cathouse_stack.errors import StackError

_BANNER = """\
Python prompt of {package}, with the database role {role}. Available names: settings, session, models, select, text.
For example:
  await session.scalar(text("select count(*) from {table}"))
`await session.commit()` keeps changes. `await session.rollback()` discards them. Ctrl-D ends the prompt."""


def run_shell(package: str) -> None:
    """Run the prompt in the folder of the service. Raises `StackError` when a setting is not valid."""
    models = importlib.import_module(f"{package}.models")
    try:
        settings = load_settings(importlib.import_module(f"{package}.settings").Settings)
    except SettingsError as error:
        raise StackError(str(error)) from error
    database = Database(
        settings.database_url,
        pool_size=1,
        application_name=f"{settings.service_name} shell",
        statement_seconds=None,
    )
    with suppress(ImportError):  # readline adds a history and line editing to `input`
        importlib.import_module("readline")
    with asyncio.Runner() as runner:
        session = database.sessions()
        names = {
            "settings": settings,
            "session": session,
            "models": models,
            "select": sqlalchemy.select,
            "text": sqlalchemy.text,
        }
        banner = _BANNER.format(
            package=package,
            role=settings.service_name,
            table=next(iter(models.Base.metadata.tables)),
        )
        try:
            _Console(runner, names).interact(banner, exitmsg="")
        finally:
            runner.run(session.close())
            runner.run(database.close())


class _Console(code.InteractiveConsole):
    def __init__(self, runner: asyncio.Runner, names: dict[str, Any]) -> None:
        super().__init__(names)
        self._runner = runner
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def runcode(self, code: types.CodeType) -> None:
        try:
            result = types.FunctionType(code, self.locals)()
            if asyncio.iscoroutine(result):
                self._runner.run(result)
        except SystemExit:
            raise
        except BaseException:
            self.showtraceback()
