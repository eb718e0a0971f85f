"""What is known of the request at hand, wherever the code is: its id and its place in a trace."""

import os
import re
from contextvars import ContextVar
from dataclasses import dataclass, replace

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}", re.ASCII)
_TRACEPARENT = re.compile(
    r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII
)
# Section 3.3.1: printable ASCII; no one must pass on more than 512 characters.
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")
# Sampled, and random trace id: a flag that the specification does not define must not be passed on (section 3.2.2.5).
_KNOWN_FLAGS = 0x03


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A position in a distributed trace (W3C Trace Context, section 3)."""

    trace_id: str
    span_id: str
    flags: str = "00"
    state: str | None = None

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    @classmethod
    def start(cls) -> "TraceContext":
        """The root of a new trace."""
        random = os.urandom(24).hex()
        return cls(trace_id=random[:32], span_id=random[32:])

    @classmethod
    def parse(cls, traceparent: str | None, tracestate: str | None) -> "TraceContext | None":
        """The caller's position; None where the header is absent or is not valid (section 3.2)."""
        match = _TRACEPARENT.fullmatch(traceparent or "")
        if match is None:
            return None
        version, trace_id, span_id, flags, rest = match.groups()
        if version == "ff" or (version == "00" and rest):
            return None
        if trace_id == "0" * 32 or span_id == "0" * 16:
            return None
        known_flags = f"{int(flags, 16) & _KNOWN_FLAGS:02x}"
        state = tracestate if tracestate and _TRACESTATE.fullmatch(tracestate) else None
        return cls(trace_id, span_id, known_flags, state)

    def child(self) -> "TraceContext":
        """A new position below this one, in the same trace."""
        return replace(self, span_id=os.urandom(8).hex())


@dataclass(slots=True, eq=False)
class RequestContext:
    """One request's identity. `trace` is this service's own position, the parent of the calls it makes.

    It is equal to itself alone: two requests may have the same id.
    """

    request_id: str
    trace: TraceContext
    client: str | None = None
    """The caller's address; None where the server listens on a Unix socket."""

    def headers(self) -> dict[str, str]:
        """The headers that carry this identity on to another service."""
        headers = {"X-Request-ID": self.request_id, "traceparent": self.trace.traceparent}
        if self.trace.state:
            headers["tracestate"] = self.trace.state
        return headers


def accept_request_id(value: str | None) -> str:
    """The caller's request id where it is 8 to 128 characters of `[A-Za-z0-9._-]`, else a new one."""
    if value is not None and _REQUEST_ID.fullmatch(value):
        return value
    return os.urandom(16).hex()


current_request: ContextVar[RequestContext | None] = ContextVar("current_request", default=None)
"""The request at hand; None outside of one."""
