from cathouse_kit.database import service_metadata
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    metadata = service_metadata("proxy")
    # Return columns that PostgreSQL sets with the same statement. Reading them later would cost another query.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - SQLAlchemy's own name
