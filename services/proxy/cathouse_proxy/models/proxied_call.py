from datetime import datetime
from uuid import UUID

from cathouse_kit.privileges import allow
from sqlalchemy import DateTime, Double, Index, SmallInteger, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_proxy.models.base import Base


class ProxiedCall(Base):
    """One row of the audit. Rows of older versions may be calls of unknown installations, with null columns."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_installation_id_id", "installation_id", "id"),
        Index("ix_audit_user_id_id", "user_id", "id"),
        # A row is inserted once, and completed later. Its other columns never change.
        {
            "info": allow(
                "select",
                "insert",
                update=("status", "outcome", "duration_ms"),
                pruner=("select", "delete"),
            )
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    installation_id: Mapped[UUID | None]
    user_id: Mapped[UUID | None]
    """The owner of the installation."""
    cat_id: Mapped[UUID | None]
    method: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(Text)
    """The path below the cat's endpoint. The query is not stored, because it may hold private data."""
    scope: Mapped[str | None] = mapped_column(Text)
    """The granted scopes that allowed the call, or if there were none, the scopes that would have."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    """The status sent to the caller. Null until the response begins, and if the caller left before."""
    outcome: Mapped[str] = mapped_column(String(40))
    duration_ms: Mapped[float | None] = mapped_column(Double)
    request_id: Mapped[str] = mapped_column(String(128))
