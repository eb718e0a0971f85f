"""The clients of the platform, through its gateway."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .platform import Platform

pytestmark = pytest.mark.xdist_group("stack")

ROOT = Path(__file__).parents[2]


@pytest.mark.documentation
def test_the_examples_of_the_python_client_run_as_written(platform: Platform) -> None:
    cat = platform.publish()
    text = (ROOT / "clients/python/README.md").read_text()
    examples = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    here = {
        "http://localhost:8000": platform.stack.url("gateway"),
        '"task-keeper"': f'"{cat["slug"]}"',
        "ada@example.com": f"ada-{cat['id']}@example.com",
    }
    output = []
    for example in examples:
        for written, meant in here.items():
            example = example.replace(written, meant)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", example],
            env=platform.stack.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        output.append(done.stdout.splitlines())
    adopting, calling = output
    assert f"{cat['slug']} None" in adopting
    assert adopting[-2].startswith("active ")
    assert re.fullmatch(r"already_adopted [\w.-]{8,}", adopting[-1])
    assert calling == ["201 Feed the cat", "scope_missing"]
