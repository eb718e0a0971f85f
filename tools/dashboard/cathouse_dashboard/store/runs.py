"""The files of the last runs of the stack. A run begins with `make up`, and survives restarts of its processes."""

from datetime import UTC, datetime
from pathlib import Path

import psutil

KEPT_RUNS = 5
_PREFIX = "run-"
_SUFFIX = ".sqlite3"
_BESIDE = ("", "-wal", "-shm")


def run_of_this_stack() -> datetime:
    """Return when the runner that started this process was started itself."""
    this = psutil.Process()
    runner = this.parent() or this
    return datetime.fromtimestamp(runner.create_time(), UTC)


def run_path(folder: Path, began: datetime) -> Path:
    """Return the file of the run that began then."""
    return folder / f"{_PREFIX}{began:%Y%m%dT%H%M%S}{_SUFFIX}"


def runs(folder: Path) -> list[Path]:
    """Return the files of all runs that are kept, the newest first."""
    return sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"), reverse=True)


def forget_old_runs(folder: Path, current: Path) -> None:
    """Delete all runs but the current one and the newest before it, `KEPT_RUNS` in all."""
    others = [path for path in runs(folder) if path != current]
    for path in others[KEPT_RUNS - 1 :]:
        for suffix in _BESIDE:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
