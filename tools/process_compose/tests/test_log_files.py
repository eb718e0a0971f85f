"""Log files on a disk that is full."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from process_compose.output import LogFile


@contextmanager
def no_space_beyond(size: int) -> Iterator[None]:
    """Limit every file of this process to `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_that_does_not_fit_is_lost_and_later_ones_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    log = LogFile(path)
    log.write("web", "before", "stdout")
    with no_space_beyond(path.stat().st_size + 10):
        log.write("web", "cut off", "stdout")
        log.write("web", "lost", "stdout")
    log.write("web", "after", "stdout")
    log.close()
    first, torn, last = path.read_text().splitlines()
    assert [json.loads(line)["message"] for line in (first, last)] == ["before", "after"]
    assert len(torn) == 10
