"""The figures of the trials, which pytest prints in its closing summary."""

from dataclasses import dataclass, field

from .ledger import Ledger
from .verification import Findings


@dataclass
class Report:
    lines: list[str] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        self.lines += lines

    def results(self, trials: str, ledger: Ledger, findings: Findings, seconds: float) -> None:
        """The line of a test. `trials` is their number and kind."""
        self.add(
            f"{trials}: acknowledged writes {ledger.writes}, lost writes {len(findings.lost)}, "
            f"half-done writes {len(findings.half_done)}, audited calls {len(ledger.audited)}, "
            f"missing rows {len(findings.missing_rows)}, in {seconds:.0f} s"
        )
