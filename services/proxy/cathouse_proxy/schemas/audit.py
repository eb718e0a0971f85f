from uuid import UUID

from cathouse_kit.bounds import MAX_BYTES
from cathouse_kit.schemas import ResponseBody, Timestamp
from pydantic import Field


class ProxiedCallBody(ResponseBody):
    """A row of the audit: one call of a known installation."""

    id: UUID
    at: Timestamp
    installation_id: UUID | None = Field(description="The installation that was called")
    user_id: UUID | None = Field(description="The owner of the installation")
    cat_id: UUID | None
    method: str = Field(max_length=16, examples=["GET"])
    path: str = Field(
        json_schema_extra={"maxLength": 8000},
        description="Path below the cat's endpoint, without the query. The path of a refused call is cut to 512 bytes",
        examples=["/tasks/7"],
    )
    scope: str | None = Field(
        json_schema_extra={MAX_BYTES: 50 * 65},
        description="The granted scopes that allowed the call, separated by spaces. If none was granted: the scopes "
        "that would have allowed it",
        examples=["tasks:read"],
    )
    status: int | None = Field(
        description="The HTTP status sent to the caller. Null until the response begins, and if the caller "
        "disconnected before",
        examples=[200],
    )
    outcome: str = Field(
        max_length=40,
        description="`answered`: the proxy forwarded the whole response of the cat. `started`, `answering`: the call "
        "is in progress, or the proxy was stopped during it. `caller_left`: the caller disconnected. Any other value "
        "is the code of the problem that ended the call, such as `scope_missing` or `cat_timed_out`",
        examples=["answered"],
    )
    duration_ms: float | None = Field(
        description="Milliseconds from the arrival of the request to the end of the call. Null while it is in progress",
        examples=[12.5],
    )
    request_id: str = Field(max_length=128)
