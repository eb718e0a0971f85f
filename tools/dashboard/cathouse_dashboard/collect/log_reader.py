"""Follows the log files that the runner keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cathouse_dashboard.collect.log_lines import Parser
from cathouse_dashboard.records import LogLine
from cathouse_dashboard.store.writer import Position, Writer

POLL_SECONDS = 0.3
# Of one file at one time: more waits for the next.
_MAX_BYTES = 4 * 1024 * 1024
# The Go program's log of itself has another format.
_NOT_OF_A_PROCESS = "process-compose"


@dataclass(slots=True)
class _File:
    inode: int
    position: int


class LogReader:
    """Passes new lines of `folder` to the writer.

    `known` has the positions up to which an earlier process of this run has read. `began` is the start of this run, in
    seconds since 1970. The lines of a file that was last written before that are skipped. They are of an earlier run:
    the Go program empties a file only when its process starts.
    """

    def __init__(
        self,
        folder: Path,
        writer: Writer,
        known: Mapping[str, tuple[int, int]],
        began: float = 0.0,
    ) -> None:
        self._folder = folder
        self._writer = writer
        self._began = began
        self._files = {name: _File(*position) for name, position in known.items()}

    def poll(self) -> int:
        """Read each file's new lines. Return how many records that are."""
        lines: list[LogLine] = []
        positions: list[Position] = []
        size = 0
        for path in sorted(self._folder.glob("*.log")):
            if path.stem == _NOT_OF_A_PROCESS:
                continue
            found, read = self._read(path)
            if read:
                lines += found
                size += read
                file = self._files[path.name]
                positions.append((path.name, file.inode, file.position))
        if positions:
            lines.sort(key=lambda line: line.time)
            self._writer.add_logs(lines, positions, size)
        return len(lines)

    def _read(self, path: Path) -> tuple[list[LogLine], int]:
        try:
            with path.open("rb") as stream:
                status = path.stat()
                of_earlier_run = status.st_mtime < self._began
                file = self._files.setdefault(
                    path.name, _File(status.st_ino, status.st_size if of_earlier_run else 0)
                )
                # `make up` empties each file, and so does the Go program when it restarts a process.
                if file.inode != status.st_ino or status.st_size < file.position:
                    file.inode, file.position = status.st_ino, 0
                if status.st_size == file.position:
                    return [], 0
                stream.seek(file.position)
                block = stream.read(_MAX_BYTES)
        except OSError:  # it was removed meanwhile
            return [], 0
        end = block.rfind(b"\n") + 1
        if end == 0 and len(block) == _MAX_BYTES:
            end = len(block)  # one endless line
        file.position += end
        entries = iter(filter(None, block[:end].split(b"\n")))
        return Parser(path.stem).parse(entries), end
