"""revocations of access tokens"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revocations",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["auth.people.id"], name="fk_revocations_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name="pk_revocations"),
        sa.UniqueConstraint("revision", name="uq_revocations_revision"),
        schema="auth",
    )
    # People who were disabled before this table existed.
    op.execute(
        "insert into auth.revocations (person_id, not_before) "
        "select id, updated_at from auth.people where not is_active"
    )


def downgrade() -> None:
    op.drop_table("revocations", schema="auth")
