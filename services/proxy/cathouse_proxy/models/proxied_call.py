from datetime import datetime
from uuid import UUID

from cathouse_kit.privileges import allow
from sqlalchemy import DateTime, Double, Index, SmallInteger, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_proxy.models.base import Base


class ProxiedCall(Base):
    """One row of the audit. Older rows may be of strangers, and have nulls for what was not known."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_installation_id_id", "installation_id", "id"),
        Index("ix_audit_user_id_id", "user_id", "id"),
        # A row is written once, and completed; what it is of never changes.
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
    """Whose installation it is."""
    cat_id: Mapped[UUID | None]
    method: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(Text)
    """Below the cat's endpoint, without the query, which may hold what is nobody's business."""
    scope: Mapped[str | None] = mapped_column(Text)
    """The granted scopes that opened the call, or those of which one would have."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    """What the caller got; null until the answer begins, and for a caller who left before it did."""
    outcome: Mapped[str] = mapped_column(String(40))
    duration_ms: Mapped[float | None] = mapped_column(Double)
    request_id: Mapped[str] = mapped_column(String(128))
