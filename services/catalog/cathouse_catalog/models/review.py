from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_catalog.models.base import Base


class Review(Base):
    """A player's review of a cat. There is at most one for each player and cat."""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("cat_id", "user_id"),
        CheckConstraint("rating between 1 and 5", name="rating_is_one_to_five"),
        Index("ix_reviews_newest", "cat_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    cat_id: Mapped[UUID] = mapped_column(ForeignKey("catalog.cats.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(index=True)
    rating: Mapped[int]
    comment: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )
