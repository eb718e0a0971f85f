from datetime import datetime
from uuid import UUID

from cathouse_kit.privileges import allow
from cathouse_platform.platform import Role
from sqlalchemy import CheckConstraint, DateTime, String, func
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_auth.models.base import Base


class Person(Base):
    """A person with an account. All spellings of an email have the same `email_key`, so they are one account."""

    __tablename__ = "people"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_is_lower_case"),
        CheckConstraint("role in ('player', 'developer', 'admin')", name="role_is_known"),
        {"info": allow("select", "insert", "update")},
    )
    # An update also returns the new `updated_at`.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - SQLAlchemy declares it so

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    email: Mapped[str] = mapped_column(String(254), unique=True)
    email_key: Mapped[str | None] = mapped_column(String, unique=True)
    """Null if an older account has the same key: this account then signs in only with its exact email."""
    display_name: Mapped[str] = mapped_column(String(80))
    role: Mapped[Role] = mapped_column(String(16))
    is_active: Mapped[bool] = mapped_column(server_default="true")
    password_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )
