import subprocess
from collections.abc import Iterator

import pytest
from cathouse_stack import watched_tests


def test_tests_run_at_once_and_after_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    def changes(*folders: str, **options: object) -> Iterator[None]:
        for _ in range(2):
            happened.append("change")
            yield
        raise KeyboardInterrupt

    monkeypatch.setattr(watched_tests, "watch", changes)
    monkeypatch.setattr(subprocess, "run", lambda command, check: happened.append(command[-1]))
    with pytest.raises(KeyboardInterrupt):
        watched_tests.watch_tests("", "-x")
    assert happened == ["-x", "change", "-x", "change", "-x"]
