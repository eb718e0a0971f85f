from datetime import datetime
from uuid import UUID

from cathouse_kit.privileges import allow
from sqlalchemy import DateTime, ForeignKey, String, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_catalog.models.base import Base
from cathouse_catalog.models.cat import Scope


class Version(Base):
    """One version of a cat, with the scopes that it declared. Only `published_at` can change."""

    __tablename__ = "versions"
    __table_args__ = (
        UniqueConstraint("cat_id", "version"),
        {"info": allow("select", "insert", update=("published_at",))},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    cat_id: Mapped[UUID] = mapped_column(ForeignKey("catalog.cats.id", ondelete="CASCADE"))
    version: Mapped[str] = mapped_column(String(64))
    release_notes: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[Scope]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """The time from which players could adopt it. None for a version that was replaced before publication."""
