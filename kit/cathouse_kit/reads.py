"""Queries of the routes that are called most often. They are compiled once, and run by asyncpg without SQLAlchemy.

Normally, use `Database.session`. For a route that runs one query and changes nothing, use `Database.read` if `make
bench` shows a difference. For each row, SQLAlchemy needs several times as long as asyncpg.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Float
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

# Ids of PostgreSQL's types. SQLAlchemy uses them to decide how it converts a number.
_DOUBLE_PRECISION, _NUMERIC = 701, 1700


class Read:
    """A `Select` with its SQL. Its parameters must be those of `bindparam`, and all are required.

    Raises `ValueError` for a column that SQLAlchemy would convert, because asyncpg returns unconverted values.
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
                raise ValueError(
                    f"{column}: SQLAlchemy converts this column; read it with a session"
                )

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the arguments for asyncpg, in the order of the SQL."""
        return [values[name] if name in values else self._constants[name] for name in self._names]
