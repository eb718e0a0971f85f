from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_installation.models.base import Base


class IdempotencyKey(Base):
    """An `Idempotency-Key` of an adoption. It holds enough to repeat the first response, but not the credential."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    salt: Mapped[bytes] = mapped_column(LargeBinary(32))
    """One input of the credential's derivation; see `Credentials.derive`."""
    installation_id: Mapped[UUID] = mapped_column(ForeignKey("installation.installations.id"))
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), index=True
    )
