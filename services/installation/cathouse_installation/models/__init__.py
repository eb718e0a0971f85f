"""Installation's tables, in the schema `installation`."""

from cathouse_installation.models.base import Base
from cathouse_installation.models.idempotency_key import IdempotencyKey
from cathouse_installation.models.installation import Installation, Status

__all__ = ["Base", "IdempotencyKey", "Installation", "Status"]
