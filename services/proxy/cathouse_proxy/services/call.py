"""One proxied call: what it asks for, and what the steps on its way find out.

`exchange.exchange` leads it from step to step. Each step takes the call, reads what it needs, and adds what it found.
"""

import time
from dataclasses import dataclass, field
from uuid import UUID

from cathouse_kit.context import RequestContext, TraceContext, current_request
from cathouse_kit.rate_limits import Window
from starlette.types import Scope

from cathouse_proxy.services.admission.breaker import Permit
from cathouse_proxy.services.admission.lookups import Cat, Installation, Whose
from cathouse_proxy.services.admission.targets import Target, parse_target
from cathouse_proxy.services.audit.ids import uuid7
from cathouse_proxy.services.errors import RequestRefused

PREFIX = "/api/v1/proxy"
MAX_REFUSED_PATH_BYTES = 512
"""The audit stores at most so many bytes of a refused call's path."""

STARTED = "started"
"""The cat is being called. A row that stays so is of a call during which the proxy died."""
ANSWERING = "answering"
"""The response's head has been sent. A row that stays so is of a response during which the proxy died."""
ANSWERED = "answered"
"""All of the cat's response was passed on, whatever its status."""
CALLER_LEFT = "caller_left"


@dataclass(frozen=True, slots=True)
class ProxiedRequest:
    """A request as the server received it."""

    method: str
    installation_id: str
    """As it stands in the path. It may be no id at all."""
    raw_path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    scheme: str
    client: str | None
    announced_bytes: int | None
    """The body's length, where the caller gives it. The server has checked that it is a number."""
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
        """Return the values of all headers with this name, which is in lower case."""
        return [value for key, value in self.headers if key == name]

    @property
    def prefix(self) -> str:
        """The proxy's path of the installation, without a slash at the end."""
        return f"{PREFIX}/{self.installation_id}"

    @property
    def refused_path(self) -> str:
        """The path as the audit stores it of a call that is refused: cut, and in ASCII."""
        below = self.raw_path.removeprefix(self.prefix.encode())
        text = below[:MAX_REFUSED_PATH_BYTES].decode("ascii", "backslashreplace")
        return text.replace("\0", "\\0")[:MAX_REFUSED_PATH_BYTES]

    def target(self) -> Target:
        """Parse the path below the installation. Raises `RequestRefused` and `TargetTooLong`."""
        prefix = f"{self.prefix}/".encode()
        if not self.raw_path.startswith(prefix):
            raise RequestRefused("What stands before the cat's own path must not be encoded.")
        return parse_target(self.raw_path.removeprefix(prefix), self.query)


@dataclass(slots=True)
class CallRecord:
    """The call's row in the audit, as far as it is known."""

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
        """Make it a call of this installation: only such calls have a row."""
        self.installation_id = installation.installation_id
        self.user_id, self.cat_id = installation.user_id, installation.cat_id


@dataclass(slots=True, repr=False)
class Call:
    """All that is known of a call at the moment."""

    request: ProxiedRequest
    context: RequestContext
    """The request's id and its place in a trace."""
    record: CallRecord
    arrived: float
    """By `time.perf_counter`."""
    window: Window | None = None
    """The rate limit after this call. None for a call that was refused before it counted."""

    # The admission sets these when the call may be made. Nobody reads them before.
    installation: Installation = field(init=False)
    cat: Cat = field(init=False)
    target: Target = field(init=False)
    scopes: list[str] = field(init=False)
    """The granted scopes that open the call."""
    permit: Permit = field(init=False)

    @classmethod
    def of(cls, scope: Scope) -> "Call":
        """Return the call of a request that has just arrived."""
        request = ProxiedRequest.of(scope)
        context = current_request.get() or RequestContext("", TraceContext.start())
        record = CallRecord(request.method, request.refused_path, context.request_id)
        return cls(request, context, record, time.perf_counter())

    @property
    def rate_limit_headers(self) -> dict[str, str]:
        return self.window.headers() if self.window else {}
