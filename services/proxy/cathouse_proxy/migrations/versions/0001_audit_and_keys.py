"""the audit, the signing keys, the secret of pseudonyms"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("installation_id", sa.Uuid()),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("cat_id", sa.Uuid()),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text()),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("duration_ms", sa.Double()),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        schema="proxy",
    )
    op.create_index(
        "ix_audit_installation_id_id", "audit", ["installation_id", "id"], schema="proxy"
    )
    op.create_index("ix_audit_user_id_id", "audit", ["user_id", "id"], schema="proxy")
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(64), nullable=False),
        sa.Column("private_key", sa.LargeBinary(32), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("retired_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
        schema="proxy",
    )
    op.create_table(
        "pseudonym_secrets",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.LargeBinary(32), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_pseudonym_secrets_there_is_one"),
        sa.PrimaryKeyConstraint("id", name="pk_pseudonym_secrets"),
        schema="proxy",
    )


def downgrade() -> None:
    op.drop_table("pseudonym_secrets", schema="proxy")
    op.drop_table("signing_keys", schema="proxy")
    op.drop_table("audit", schema="proxy")
