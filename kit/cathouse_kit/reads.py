"""Queries of routes that are called most often: compiled once, and run by asyncpg alone.

`Database.session` is the way to query. Use `Database.read` for a route that runs one query and changes nothing, where
`make bench` shows a difference: SQLAlchemy takes several times as long for a row as asyncpg does.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Float
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

# The ids of PostgreSQL's types, by which SQLAlchemy decides how a number is converted.
_DOUBLE_PRECISION, _NUMERIC = 701, 1700


class Read:
    """A `Select` with its SQL. Its parameters are those of `bindparam`, and all are required.

    Raises `ValueError` for a column that SQLAlchemy converts: asyncpg returns values as they come.
    """

    def __init__(self, statement: Any) -> None:
        self.statement = statement
        dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._names = compiled.positiontup or []
        self._constants = compiled.params
        for column in statement.selected_columns:
            number = _DOUBLE_PRECISION if isinstance(column.type, Float) else _NUMERIC
            if column.type.dialect_impl(dialect).result_processor(dialect, number):
                raise ValueError(f"{column}: SQLAlchemy converts it; read it by a session")

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return what asyncpg expects, in the order of the SQL."""
        return [values[name] if name in values else self._constants[name] for name in self._names]
