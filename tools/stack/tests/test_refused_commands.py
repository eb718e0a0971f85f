"""Commands for one service that cannot be done: one line each, before anything is started."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def refusal(folder: Path, *words: str) -> str:
    shutil.copy(ROOT / "services.toml", folder)
    result = subprocess.run(
        [sys.executable, "-m", "cathouse_stack", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


def test_logs_that_are_neither_followed_nor_not(tmp_path: Path) -> None:
    assert refusal(tmp_path, "logs", "--follow=maybe") == "FOLLOW=maybe: give yes or no"
