"""The verification finds the traces of lost writes."""

import pytest

from .ledger import Ledger, Unacknowledged
from .verification import half_done_writes, lost_writes, missing_rows

TAGLINE = ("tagline", "cat-1")
VERSION = ("version", "cat-1 1.0.0")


def ledger_with_doubt(value: str | None) -> Ledger:
    """Return a ledger in which `old` is acknowledged and a write of `value` is in doubt."""
    ledger = Ledger()
    with ledger.writing({TAGLINE: "old"}):
        pass
    with pytest.raises(Unacknowledged), ledger.writing({TAGLINE: value}):
        raise Unacknowledged
    return ledger


@pytest.mark.parametrize("found", [{}, {TAGLINE: "older"}])
def test_an_acknowledged_write_that_is_not_there_is_lost(found: dict[tuple[str, str], str]) -> None:
    ledger = Ledger()
    with ledger.writing({TAGLINE: "old"}):
        pass
    assert len(lost_writes(ledger, found)) == 1
    assert lost_writes(ledger, {TAGLINE: "old"}) == []


def test_a_write_in_doubt_may_have_been_done_or_not() -> None:
    ledger = ledger_with_doubt("new")
    assert lost_writes(ledger, {TAGLINE: "old"}) == []
    assert lost_writes(ledger, {TAGLINE: "new"}) == []
    assert len(lost_writes(ledger, {TAGLINE: "other"})) == 1
    assert lost_writes(ledger_with_doubt(None), {TAGLINE: "unknown to the load"}) == []


def test_a_write_in_doubt_is_not_done_by_half() -> None:
    ledger = Ledger()
    with pytest.raises(Unacknowledged), ledger.writing({TAGLINE: "new", VERSION: "notes"}):
        raise Unacknowledged
    assert half_done_writes(ledger, {}) == []
    assert half_done_writes(ledger, {TAGLINE: "new", VERSION: "notes"}) == []
    assert len(half_done_writes(ledger, {TAGLINE: "new"})) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("request-1", None, "started")],
        [("request-1", 200, "answering")],
        [("request-1", 503, "answered")],
        [("request-1", 200, "answered"), ("request-1", 200, "answered")],
    ],
)
def test_a_completed_call_needs_one_complete_row(rows: list[tuple[str, int | None, str]]) -> None:
    ledger = Ledger()
    ledger.answered("request-1", 200)
    assert len(missing_rows(ledger, rows, {})) == 1
    assert missing_rows(ledger, [("request-1", 200, "answered")], {}) == []


def test_a_task_of_the_cat_needs_a_row() -> None:
    facts = {("task", "request-1"): "request-1"}
    assert len(missing_rows(Ledger(), [], facts)) == 1
    assert missing_rows(Ledger(), [("request-1", None, "started")], facts) == []
