"""No acknowledged write is lost when PostgreSQL's disk is full for a while, under load."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from .disk import fill, on_small_disk
from .ledger import Ledger
from .load import play_once, steady_load
from .report import Report
from .target import running_target
from .verification import Findings, verify

_TIMES = 3
_WRITES_BETWEEN = 20
_PATIENCE_SECONDS = 120.0
_FULL_SECONDS = (0.5, 4.0)


def test_no_acknowledged_write_is_lost_when_the_disk_is_full(
    tmp_path: Path, pytestconfig: pytest.Config, report: Report
) -> None:
    ledger, randomly = Ledger(), random.Random(pytestconfig.option.seed)
    with running_target(tmp_path / "copy", on_small_disk) as target:
        # The same as in compose.yaml. Otherwise PostgreSQL 18 does not notice that a recovery failed on a full disk,
        # and then it refuses all connections.
        asyncio.run(target.set_in_postgres("restart_after_crash", "off"))
        began = time.monotonic()
        with steady_load(target, ledger):
            for _ in range(_TIMES):
                ledger.wait_for_writes(_WRITES_BETWEEN, _PATIENCE_SECONDS)
                asyncio.run(fill(target))
                # slow on purpose: the load goes on while the disk is full.
                time.sleep(randomly.uniform(*_FULL_SECONDS))
                target.ballast.unlink()
                target.wait_until_ready()
        took = time.monotonic() - began
        play_once(target, ledger)
        findings = asyncio.run(verify(target, ledger))
    report.results(f"{_TIMES} times a full disk", ledger, findings, took)
    assert findings == Findings()
    assert ledger.unexpected == []
    assert ledger.writes > _TIMES * _WRITES_BETWEEN
