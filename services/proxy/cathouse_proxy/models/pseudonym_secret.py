from typing import ClassVar

from cathouse_kit.privileges import allow
from sqlalchemy import CheckConstraint, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from cathouse_proxy.models.base import Base


class PseudonymSecret(Base):
    """The secret from which users' pseudonyms are derived. There is one row, and it never changes.

    With another secret, cats would see every user as a new one.
    """

    __tablename__ = "pseudonym_secrets"
    __table_args__ = (
        CheckConstraint("id = 1", name="there_is_one"),
        {"info": allow("select", "insert")},
    )
    ONLY: ClassVar = 1

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    secret: Mapped[bytes] = mapped_column(LargeBinary(32))
