"""installations, and the idempotency keys of their adoptions"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installations",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("cat_id", sa.Uuid(), nullable=False),
        sa.Column("cat_version", sa.String(100), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("status", sa.String(16), server_default="active", nullable=False),
        sa.Column("granted_scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("credential_hash", sa.LargeBinary(32), nullable=False),
        sa.Column(
            "installed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "status in ('active', 'paused', 'uninstalled')", name="ck_installations_status_is_known"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_installations"),
        sa.UniqueConstraint("credential_hash", name="uq_installations_credential_hash"),
        schema="installation",
    )
    op.create_index(
        "ix_installations_user_id_id", "installations", ["user_id", "id"], schema="installation"
    )
    op.create_index(
        "uq_installations_user_id_cat_id",
        "installations",
        ["user_id", "cat_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'uninstalled'"),
        schema="installation",
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("installation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["installation.installations.id"],
            name="fk_idempotency_keys_installation_id",
        ),
        sa.PrimaryKeyConstraint("user_id", "key_hash", name="pk_idempotency_keys"),
        schema="installation",
    )
    op.create_index(
        "ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], schema="installation"
    )


def downgrade() -> None:
    op.drop_table("idempotency_keys", schema="installation")
    op.drop_table("installations", schema="installation")
