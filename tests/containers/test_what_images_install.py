"""images/install.sh installs the versions and hashes of requirements/dev.txt, and nothing else."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from .engine import ROOT

LOCK = (ROOT / "requirements/dev.txt").read_text()
PIN = re.search(r"^stamina==(\S+) \\\n((?:    --hash=\S+(?: \\)?\n)+)", LOCK, re.MULTILINE)


def _install(folder: Path, lock: str) -> subprocess.CompletedProcess[str]:
    """Install stamina, a dependency of the kit, into a new environment."""
    (folder / "requirements").mkdir()
    (folder / "requirements/dev.txt").write_text(lock)
    (folder / "asked.in").write_text("stamina\n")
    environment = {
        **os.environ,
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(folder / "environment"),
        "UV_NO_CACHE": "1",
    }
    subprocess.run(
        ["uv", "venv", "--quiet", environment["VIRTUAL_ENV"]], env=environment, check=True
    )
    return subprocess.run(
        [ROOT / "images/install.sh", "asked.in"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def _installed(folder: Path) -> set[str]:
    return {
        f"{name}=={version}"
        for path in (folder / "environment").glob("lib/python3*/site-packages/*.dist-info")
        for name, version in [path.stem.split("-", 1)]
    }


def test_the_locked_version_is_installed(tmp_path: Path) -> None:
    assert PIN
    result = _install(tmp_path, LOCK)
    assert result.returncode == 0, result.stderr
    installed = _installed(tmp_path)
    assert f"stamina=={PIN[1]}" in installed
    assert all(f"\n{each} " in LOCK for each in installed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lock: re.sub(r"sha256:\w{64}", f"sha256:{'0' * 64}", lock), "Hash mismatch"),
        (lambda lock: lock.replace(PIN[2], ""), "all requirements must have a hash"),  # type: ignore[index]
        (lambda lock: lock.replace(PIN[0], ""), "all requirements must have a hash"),  # type: ignore[index]
    ],
    ids=["another hash", "no hash", "not locked"],
)
def test_nothing_else_is_installed(change: object, said: str, tmp_path: Path) -> None:
    lock = change(LOCK)  # type: ignore[operator]
    assert lock != LOCK
    result = _install(tmp_path, lock)
    assert result.returncode != 0
    assert said in result.stderr
    assert _installed(tmp_path) == set()
