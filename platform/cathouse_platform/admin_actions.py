"""The record of admin actions: changes of a person's rights, and decisions about cats.

A service with such actions has a table of them in its own schema. The transaction of the action adds the row. The
serving database role may read and add rows, but not change or delete them. Each row also has a line in the log, with
`action` as the line's `event`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from cathouse_kit.bounds import MAX_BYTES
from cathouse_kit.context import current_request
from cathouse_kit.pagination import PageRequest, SortKey, select_page
from cathouse_kit.privileges import allow
from cathouse_kit.schemas import ResponseBody, Timestamp
from cathouse_kit.security_events import Detail, log_on_commit
from pydantic import Field
from sqlalchemy import CheckConstraint, DateTime, Index, String, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from cathouse_platform.security_events import SecurityEvent

MAX_DETAILS = 8192
"""Largest size of an action's details as JSON, in bytes. The longest detail is the reason for the rejection of a cat,
with 2,000 characters."""


class AdminActionColumns:
    """The columns of a service's table of admin actions: `class AdminAction(AdminActionColumns, Base)`."""

    __tablename__ = "admin_actions"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:
        return (
            CheckConstraint(
                f"octet_length(details::text) <= {MAX_DETAILS}", name="details_are_bounded"
            ),
            Index("ix_admin_actions_admin_id_id", "admin_id", "id"),
            Index("ix_admin_actions_subject_id_id", "subject_id", "id"),
            {"info": allow("select", "insert")},
        )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    admin_id: Mapped[UUID | None]
    """Null if an operator acted through a command."""
    action: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[UUID]
    """The id of the person or cat that was changed."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    request_id: Mapped[str | None] = mapped_column(String(128))
    """Null for commands."""


class AdminActionBody(ResponseBody):
    """One action of an admin."""

    id: UUID
    at: Timestamp
    admin_id: UUID | None = Field(
        description="The admin who acted; null if an operator acted through a command"
    )
    action: str = Field(
        max_length=40,
        description="The name of the security event. Later versions may add names",
        examples=[SecurityEvent.ROLE_CHANGED.value],
    )
    subject_id: UUID = Field(description="The id of the user or cat that was changed")
    details: dict[str, Any] = Field(
        json_schema_extra={MAX_BYTES: MAX_DETAILS},
        description="Details of the action, such as the roles before and after",
        examples=[{"before": "player", "after": "developer"}],
    )
    request_id: str | None = Field(
        max_length=128, description="The `X-Request-ID` of the request; null for commands"
    )


T = TypeVar("T", bound=AdminActionColumns)


def record_admin_action(
    session: AsyncSession,
    table: type[AdminActionColumns],
    action: SecurityEvent,
    *,
    admin_id: UUID | None,
    subject_id: UUID,
    unlogged: Mapping[str, str] | None = None,
    **details: Detail,
) -> None:
    """Add the action's row to the transaction, and log its event after the commit.

    `unlogged` are details for the row only, because text that people wrote must not be logged.
    """
    request = current_request.get()
    row = table()
    row.admin_id = admin_id
    row.action = action.value
    row.subject_id = subject_id
    row.details = details | dict(unlogged or {})
    row.request_id = request.request_id if request else None
    session.add(row)
    log_on_commit(session, action, actor_id=admin_id, subject_id=subject_id, **details)


async def list_admin_actions(
    session: AsyncSession,
    table: type[T],
    page: PageRequest,
    *,
    admin_id: UUID | None,
    subject_id: UUID | None,
) -> tuple[Sequence[T], str | None]:
    """Return a page of actions, newest first, and the cursor of the next page.

    `admin_id` and `subject_id` select the actions of one admin or on one subject. Raises `InvalidRequest` for a cursor
    of another list.
    """
    statement = select(table)
    if admin_id is not None:
        statement = statement.where(table.admin_id == admin_id)
    if subject_id is not None:
        statement = statement.where(table.subject_id == subject_id)
    # UUIDv7 ids are in the order of time.
    keys = [SortKey(table.id.expression, UUID, descending=True)]
    rows, next_cursor = await select_page(session, statement, "admin_actions", keys, page)
    return [row[0] for row in rows], next_cursor
