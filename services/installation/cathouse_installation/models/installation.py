from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from cathouse_kit.privileges import allow
from sqlalchemy import (
    ARRAY,
    JSON,
    CheckConstraint,
    DateTime,
    Index,
    LargeBinary,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_installation.models.base import Base

NAME_LENGTH = 80
# Literal text in each query: with a parameter in the predicate, PostgreSQL does not use the partial index.
IS_INSTALLED = text("status <> 'uninstalled'")


class Status(StrEnum):
    """The status of an installation. `uninstalled` is final."""

    ACTIVE = "active"
    PAUSED = "paused"
    UNINSTALLED = "uninstalled"


class Installation(Base):
    """A player's adopted instance of a cat. Uninstalled ones stay, as the player's history."""

    __tablename__ = "installations"
    __table_args__ = (
        CheckConstraint("status in ('active', 'paused', 'uninstalled')", name="status_is_known"),
        Index(None, "user_id", "id"),
        # At most one installation per player and cat, also with concurrent adoptions.
        Index(
            "uq_installations_user_id_cat_id",
            "user_id",
            "cat_id",
            unique=True,
            postgresql_where=IS_INSTALLED,
        ),
        {"info": allow("select", "insert", "update")},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    user_id: Mapped[UUID]
    cat_id: Mapped[UUID]
    cat_version: Mapped[str] = mapped_column(String(100))
    """The version of the manifest from which the granted scopes were chosen."""
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    status: Mapped[Status] = mapped_column(String(16), server_default=Status.ACTIVE)
    granted_scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    # json, not jsonb, keeps the text as the client sent it. jsonb writes 1e300 as 301 digits.
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    credential_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    installed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
