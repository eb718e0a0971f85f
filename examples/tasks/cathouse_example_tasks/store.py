"""The store of tasks: SQLite, in a file or in memory."""

import sqlite3
import threading
from dataclasses import dataclass
from uuid import uuid4

_SCHEMA = """
create table if not exists tasks (
    id text primary key,
    owner text not null,
    title text not null,
    done integer not null default 0,
    number integer not null
);
create index if not exists tasks_of_an_owner on tasks (owner, number);
"""


@dataclass(frozen=True, slots=True)
class Task:
    id: str
    title: str
    done: bool


class Tasks:
    """The tasks of all owners. Each method reads and changes those of one owner."""

    def __init__(self, path: str) -> None:
        """Open the store in the file `path`, or in memory for `:memory:`."""
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        self._connection.executescript(_SCHEMA)

    def all(self, owner: str) -> list[Task]:
        return self._select("where owner = ? order by number", owner)

    def get(self, owner: str, task_id: str) -> Task | None:
        return next(iter(self._select("where owner = ? and id = ?", owner, task_id)), None)

    def add(self, owner: str, title: str) -> Task:
        task = Task(uuid4().hex, title, done=False)
        self._run(
            "insert into tasks (id, owner, title, number) "
            "select ?, ?, ?, coalesce(max(number), 0) + 1 from tasks",
            task.id,
            owner,
            title,
        )
        return task

    def change(
        self, owner: str, task_id: str, *, title: str | None, done: bool | None
    ) -> Task | None:
        """Change a task, and return it. None for a field keeps its value. Returns None for an unknown task."""
        self._run(
            "update tasks set title = coalesce(?, title), done = coalesce(?, done) "
            "where owner = ? and id = ?",
            title,
            done,
            owner,
            task_id,
        )
        return self.get(owner, task_id)

    def delete(self, owner: str, task_id: str) -> bool:
        """Delete a task. Return False if there is none."""
        return self._run("delete from tasks where owner = ? and id = ?", owner, task_id) > 0

    def close(self) -> None:
        self._connection.close()

    def _select(self, condition: str, *values: str) -> list[Task]:
        with self._lock:
            rows = self._connection.execute(
                f"select id, title, done from tasks {condition}",  # noqa: S608 - conditions are code
                values,
            ).fetchall()
        return [Task(task_id, title, bool(done)) for task_id, title, done in rows]

    def _run(self, statement: str, *values: str | bool | None) -> int:
        with self._lock:
            return self._connection.execute(statement, values).rowcount
