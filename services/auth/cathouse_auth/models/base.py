from cathouse_kit.database import service_metadata
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    metadata = service_metadata("auth")
    # A statement also returns the values that PostgreSQL sets. Without this, reading one later costs a query.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - SQLAlchemy's own name
