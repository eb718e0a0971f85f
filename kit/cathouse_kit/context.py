"""The current request for all code that runs in it: its id and its position in a trace."""

import os
import re
from contextvars import ContextVar
from dataclasses import dataclass, replace

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}", re.ASCII)
_TRACEPARENT = re.compile(
    r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII
)
# Section 3.3.1: printable ASCII. A service need not forward more than 512 characters.
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")
# The flags "sampled" and "random trace id". Unknown flags must not be forwarded (section 3.2.2.5).
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
        """Return the root of a new trace."""
        random = os.urandom(24).hex()
        return cls(trace_id=random[:32], span_id=random[32:])

    @classmethod
    def parse(cls, traceparent: str | None, tracestate: str | None) -> "TraceContext | None":
        """Return the caller's position, or None if the header is absent or invalid (section 3.2)."""
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
        """Return a new position below this one, in the same trace."""
        return replace(self, span_id=os.urandom(8).hex())


@dataclass(slots=True, eq=False)
class RequestContext:
    """The identity of one request. `trace` is this service's position, and the parent of its calls to other services.

    Two contexts are never equal, because two requests may have the same id.
    """

    request_id: str
    trace: TraceContext
    client: str | None = None
    """The caller's address, or None on a Unix socket."""
    attributes: dict[str, str] | None = None
    """Attributes of the request's span that become known later. None if the request has no span."""

    def headers(self) -> dict[str, str]:
        """Return the headers that forward this identity to another service."""
        headers = {"X-Request-ID": self.request_id, "traceparent": self.trace.traceparent}
        if self.trace.state:
            headers["tracestate"] = self.trace.state
        return headers


def describe_request(name: str, value: object) -> None:
    """Add an attribute to the span of the request at hand, where it has one."""
    request = current_request.get()
    if request is not None and request.attributes is not None:
        request.attributes[name] = str(value)


def accept_request_id(value: str | None) -> str:
    """Return the caller's request id if it has 8 to 128 characters of `[A-Za-z0-9._-]`, otherwise a new id."""
    if value is not None and _REQUEST_ID.fullmatch(value):
        return value
    return os.urandom(16).hex()


current_request: ContextVar[RequestContext | None] = ContextVar("current_request", default=None)
"""The current request, or None outside of a request."""
