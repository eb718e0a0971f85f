"""The records that the dashboard collects. Times are nanoseconds since 1970."""

from dataclasses import dataclass, field
from typing import Any

LEVELS = ("trace", "debug", "info", "success", "warning", "error", "critical")
"""The levels of log lines, lowest first. The store keeps a level as its position here."""

INTERNAL, SERVER, CLIENT = 1, 2, 3
"""Kinds of spans, by their numbers in OTLP."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span, as OTLP describes it."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the first span of a trace."""
    service: str
    name: str
    kind: int
    start: int
    duration: int
    failed: bool
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def finish(self) -> int:
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class LogLine:
    """One record of a process's log, with the lines that belong to it, such as a traceback."""

    time: int
    process: str
    level: int
    message: str
    request_id: str = ""
    trace_id: str = ""
    """Empty where the line does not name it: the console form does not. The request id leads to the trace."""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One scrape of a service's `/metrics`: each series by its name with labels."""

    time: int
    service: str
    values: dict[str, float]
