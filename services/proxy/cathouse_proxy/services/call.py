"""One proxied call: its request, and the results of the steps so far.

`exchange.exchange` passes the call to each step. A step reads the fields that it needs, and sets the fields that it
finds.
"""

import time
from dataclasses import dataclass, field
from uuid import UUID

from cathouse_kit.context import RequestContext, TraceContext, current_request, describe_request
from cathouse_kit.rate_limits import Window
from starlette.types import Scope

from cathouse_proxy.services.admission.breaker import Permit
from cathouse_proxy.services.admission.lookups import Cat, Installation, Whose
from cathouse_proxy.services.admission.targets import Target, parse_target
from cathouse_proxy.services.audit.ids import uuid7
from cathouse_proxy.services.errors import RequestRefused

PREFIX = "/api/v1/proxy"
MAX_REFUSED_PATH_BYTES = 512
"""The audit stores at most this many bytes of the path of a refused call."""

STARTED = "started"
"""The call is in progress. If a row keeps this outcome, the proxy died during the call."""
ANSWERING = "answering"
"""The response's head has been sent. If a row keeps this outcome, the proxy died during the response."""
ANSWERED = "answered"
"""The whole response of the cat was forwarded, with any status."""
CALLER_LEFT = "caller_left"


@dataclass(frozen=True, slots=True)
class ProxiedRequest:
    """A request as the server received it."""

    method: str
    installation_id: str
    """The text in the path. It may not be a valid id."""
    raw_path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    scheme: str
    client: str | None
    announced_bytes: int | None
    """The `Content-Length`, or None. The server has checked that it is a number."""
    has_body: bool

    @classmethod
    def of(cls, scope: Scope) -> "ProxiedRequest":
        headers = list(scope["headers"])
        framing = {
            name: value
            for name, value in reversed(headers)
            if name in (b"content-length", b"transfer-encoding")
        }
        announced = int(framing[b"content-length"]) if b"content-length" in framing else None
        return cls(
            method=scope["method"],
            installation_id=scope["path_params"]["installation_id"],
            raw_path=scope["raw_path"],
            query=scope["query_string"],
            headers=headers,
            scheme=scope["scheme"],
            client=scope["client"][0] if scope["client"] else None,
            announced_bytes=announced,
            has_body=bool(announced) or b"transfer-encoding" in framing,
        )

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all headers with this name. `name` must be in lower case."""
        return [value for key, value in self.headers if key == name]

    @property
    def prefix(self) -> str:
        """The path of the installation at the proxy, without a slash at the end."""
        return f"{PREFIX}/{self.installation_id}"

    @property
    def refused_path(self) -> str:
        """The path that the audit stores of a refused call: shortened, and in ASCII."""
        below = self.raw_path.removeprefix(self.prefix.encode())
        text = below[:MAX_REFUSED_PATH_BYTES].decode("ascii", "backslashreplace")
        return text.replace("\0", "\\0")[:MAX_REFUSED_PATH_BYTES]

    def target(self) -> Target:
        """Parse the path below the installation. Raises `RequestRefused` and `TargetTooLong`."""
        prefix = f"{self.prefix}/".encode()
        if not self.raw_path.startswith(prefix):
            raise RequestRefused(
                f"The path must begin with {prefix.decode()}, without percent-encoding in this part."
            )
        return parse_target(self.raw_path.removeprefix(prefix), self.query)


@dataclass(slots=True)
class CallRecord:
    """The values of the call's audit row that are known so far."""

    method: str
    path: str
    request_id: str
    id: UUID = field(default_factory=uuid7)
    installation_id: UUID | None = None
    user_id: UUID | None = None
    cat_id: UUID | None = None
    scope: str | None = None
    status: int | None = None
    outcome: str = STARTED
    duration_ms: float | None = None

    def attribute_to(self, installation: Installation | Whose) -> None:
        """Set the installation of the call. Only calls with an installation get an audit row."""
        self.installation_id = installation.installation_id
        self.user_id, self.cat_id = installation.user_id, installation.cat_id
        describe_request("installation.id", installation.installation_id)
        describe_request("enduser.id", installation.user_id)


@dataclass(slots=True, repr=False)
class Call:
    """A call in progress, with the values that are known so far."""

    request: ProxiedRequest
    context: RequestContext
    """The request's id and its place in a trace."""
    record: CallRecord
    arrived: float
    """By `time.perf_counter`."""
    window: Window | None = None
    """The state of the rate limit after this call. None if the call was refused before it was counted."""

    # The admission sets these fields when it admits the call. They must not be read before.
    installation: Installation = field(init=False)
    cat: Cat = field(init=False)
    target: Target = field(init=False)
    scopes: list[str] = field(init=False)
    """The granted scopes that allow the call."""
    permit: Permit = field(init=False)

    @classmethod
    def of(cls, scope: Scope) -> "Call":
        """Create the call of a request that has just arrived."""
        request = ProxiedRequest.of(scope)
        context = current_request.get() or RequestContext("", TraceContext.start())
        record = CallRecord(request.method, request.refused_path, context.request_id)
        return cls(request, context, record, time.perf_counter())

    @property
    def rate_limit_headers(self) -> dict[str, str]:
        return self.window.headers() if self.window else {}
