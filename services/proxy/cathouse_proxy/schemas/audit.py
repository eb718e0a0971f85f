from uuid import UUID

from cathouse_kit.bounds import MAX_BYTES
from cathouse_kit.schemas import ResponseBody, Timestamp
from pydantic import Field


class ProxiedCallBody(ResponseBody):
    """A row of the audit: a call of a known installation."""

    id: UUID
    at: Timestamp
    installation_id: UUID | None = Field(description="The installation whose cat was called")
    user_id: UUID | None = Field(description="Whose installation it was")
    cat_id: UUID | None
    method: str = Field(max_length=16, examples=["GET"])
    path: str = Field(
        json_schema_extra={"maxLength": 8000},
        description="Below the cat's endpoint, without the query; at most 512 bytes of a call that was refused",
        examples=["/tasks/7"],
    )
    scope: str | None = Field(
        json_schema_extra={MAX_BYTES: 50 * 65},
        description="The granted scopes that opened the call, separated by spaces, or else those that would have",
        examples=["tasks:read"],
    )
    status: int | None = Field(
        description="What the caller got; null until the answer begins, and for one who left before",
        examples=[200],
    )
    outcome: str = Field(
        max_length=40,
        description="`answered`: all of the cat's answer was passed on. `started`, `answering`: it is under way, or "
        "the proxy was stopped in the middle of it. `caller_left`: the caller did not wait. Anything else is the kind "
        "of problem that ended the call, such as `scope_missing` or `cat_timed_out`",
        examples=["answered"],
    )
    duration_ms: float | None = Field(
        description="From the request's arrival to the end of the call; null while it is under way",
        examples=[12.5],
    )
    request_id: str = Field(max_length=128)
