from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_auth.models.base import Base


class SignInSession(Base):
    """One sign-in and its family of refresh tokens. When a session ends, it is deleted together with its tokens.

    Lock the session before you use or delete one of its refresh tokens. The lock prevents two uses at once.
    """

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    person_id: Mapped[UUID] = mapped_column(
        ForeignKey("auth.people.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    """Every refresh extends it."""


class RefreshToken(Base):
    """One refresh token, stored as a hash. Only the newest token of a session is unused. Used tokens are kept to
    detect reuse."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("auth.sessions.id", ondelete="CASCADE"), index=True
    )
    access_token_id: Mapped[UUID] = mapped_column(unique=True)
    """The `jti` of the access token that was issued with it. It finds the session of an access token."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
