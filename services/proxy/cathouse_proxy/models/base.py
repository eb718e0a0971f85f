from cathouse_kit.database import service_metadata
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    metadata = service_metadata("proxy")
    # What PostgreSQL sets comes back with the statement that sets it; to read it later would be a query of its own.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - SQLAlchemy's own name
