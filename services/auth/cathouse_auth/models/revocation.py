from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_auth.models.base import Base


class Revocation(Base):
    """The last time that a person was disabled, was enabled or got another role. Older access tokens are refused."""

    __tablename__ = "revocations"

    person_id: Mapped[UUID] = mapped_column(
        ForeignKey("auth.people.id", ondelete="CASCADE"), primary_key=True
    )
    not_before: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revision: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    """A number that increases in the order in which changes are committed."""
