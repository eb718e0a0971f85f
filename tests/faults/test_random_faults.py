"""No acknowledged write is lost when processes are killed, and connections are cut and frozen, under load."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from .faults import Faults
from .ledger import Ledger
from .load import play_once, steady_load
from .report import Report
from .target import running_target
from .verification import Findings, verify

# Between two strikes, some writes must succeed. If no service is up again after a while, the next fault strikes.
_LEAST_WRITES_BETWEEN, _MOST_WRITES_BETWEEN = 2, 6
_MOST_FAULTS_AT_ONCE = 4
_PATIENCE_SECONDS = 5.0


def test_no_acknowledged_write_is_lost_under_random_faults(
    tmp_path: Path, pytestconfig: pytest.Config, report: Report
) -> None:
    kills, seed = pytestconfig.option.kills, pytestconfig.option.seed
    report.add(f"seed {seed}: repeat its choices with --kills={kills} --seed={seed}")
    ledger, randomly = Ledger(), random.Random(seed)
    with running_target(tmp_path / "copy") as target:
        # By default, PostgreSQL opens each file before it recovers, which takes longer than the recovery.
        asyncio.run(target.set_in_postgres("recovery_init_sync_method", "syncfs"))
        faults = Faults(target, randomly)
        began, strikes = time.monotonic(), 0
        with steady_load(target, ledger):
            while faults.kills < kills:
                writes = randomly.randint(_LEAST_WRITES_BETWEEN, _MOST_WRITES_BETWEEN)
                ledger.wait_for_writes(writes, _PATIENCE_SECONDS)
                for _ in range(randomly.randint(1, _MOST_FAULTS_AT_ONCE)):
                    faults.strike()
                strikes += 1
            faults.end()
            target.wait_until_ready()
        struck = time.monotonic() - began
        play_once(target, ledger)
        findings = asyncio.run(verify(target, ledger))
    report.add(*(f"{number:5} × {name}" for name, number in faults.struck.most_common()))
    report.results(
        f"{faults.trials} trials, {faults.kills} kills, at {strikes} moments",
        ledger,
        findings,
        struck,
    )
    assert findings == Findings()
    assert ledger.unexpected == []
    assert ledger.writes > kills
