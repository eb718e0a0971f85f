"""one account for all spellings of an email"""

import unicodedata

import idna
import sqlalchemy as sa
from alembic import op
from loguru import logger

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BATCH = 1000


def upgrade() -> None:
    op.add_column("people", sa.Column("email_key", sa.String(), nullable=True), schema="auth")
    connection = op.get_bind()
    # If two emails have the same key, the email that equals the key gets it, otherwise the older account.
    connection.execute(
        sa.text(
            "update auth.people set email_key = email "
            "where octet_length(email) = length(email) and position('xn--' in email) = 0"
        )
    )
    others = connection.execute(
        sa.text("select id, email from auth.people where email_key is null order by id")
    ).all()
    for begin in range(0, len(others), _BATCH):
        batch = [{"id": row.id, "key": _key(row.email)} for row in others[begin : begin + _BATCH]]
        _give_keys(connection, batch)
    op.create_unique_constraint("uq_people_email_key", "people", ["email_key"], schema="auth")


def downgrade() -> None:
    op.drop_constraint("uq_people_email_key", "people", schema="auth")
    op.drop_column("people", "email_key", schema="auth")


def _give_keys(connection: sa.Connection, people: list[dict[str, object]]) -> None:
    for person in people:
        holder = connection.execute(
            sa.text("select id from auth.people where email_key = :key"), {"key": person["key"]}
        ).scalar()
        if holder is None:
            connection.execute(
                sa.text("update auth.people set email_key = :key where id = :id"), person
            )
        else:
            logger.warning(
                "the emails of the people {} and {} differ only by case or form: each account can sign in only with "
                "its own spelling. If both belong to one person, disable the unused account",
                holder,
                person["id"],
            )


def _key(email: str) -> str:
    # A copy of services/emails.py from the time of this migration: later changes there must not change it.
    local, at, domain = email.rpartition("@")
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", local).casefold())
    folded = folded.replace("i\u0307", "i").replace("\u0131", "i")
    try:
        domain = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        domain = domain.lower()
    return unicodedata.normalize("NFC", folded) + at + domain
