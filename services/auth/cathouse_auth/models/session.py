from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_auth.models.base import Base


class SignInSession(Base):
    """One sign-in, and with it the family of refresh tokens that follow from it. A session that has ended is deleted,
    and its tokens with it.

    Whoever uses or deletes a refresh token locks its session first; this is what keeps two from doing so at once.
    """

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    person_id: Mapped[UUID] = mapped_column(
        ForeignKey("auth.people.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    """Every refresh moves it on."""


class RefreshToken(Base):
    """One refresh token, as a hash; the token itself is known to its holder alone. Only the newest of a session is
    unused; the others are kept to tell that one was used again."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("auth.sessions.id", ondelete="CASCADE"), index=True
    )
    access_token_id: Mapped[UUID] = mapped_column(unique=True)
    """The `jti` of the access token that was given with it; this tells which session an access token is of."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
