"""actions of admins"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "admin_actions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("admin_id", sa.Uuid()),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("details", JSONB(), nullable=False),
        sa.Column("request_id", sa.String(128)),
        sa.CheckConstraint(
            "octet_length(details::text) <= 8192", name="ck_admin_actions_details_are_bounded"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_admin_actions"),
        schema="auth",
    )
    for column in ("admin_id", "subject_id"):
        op.create_index(
            f"ix_admin_actions_{column}_id", "admin_actions", [column, "id"], schema="auth"
        )


def downgrade() -> None:
    op.drop_table("admin_actions", schema="auth")
