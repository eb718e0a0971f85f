"""Every .nix file is formatted and has no unused code. Needs nixfmt and deadnix."""

import subprocess
from pathlib import Path

from .evaluation import ROOT

FOLDERS = ("nix", "images", "tests/nix")


def nix_files() -> list[Path]:
    return [
        *sorted(ROOT.glob("*.nix")),
        *(path for name in FOLDERS for path in sorted((ROOT / name).glob("*.nix"))),
    ]


def run(*command: str | Path) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_file_is_formatted() -> None:
    run("nixfmt", "--check", *nix_files())


def test_nothing_is_unused() -> None:
    run("deadnix", "--fail", *nix_files())
