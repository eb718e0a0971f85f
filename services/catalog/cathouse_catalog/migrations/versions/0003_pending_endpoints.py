"""endpoints that wait for a review, and an index of a player's reviews"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cats", sa.Column("pending_endpoint_url", sa.String(2048)), schema="catalog")
    op.create_index(
        "ix_cats_pending_endpoint",
        "cats",
        ["id"],
        schema="catalog",
        postgresql_where=sa.text("pending_endpoint_url is not null"),
    )
    op.create_index("ix_reviews_user_id", "reviews", ["user_id"], schema="catalog")


def downgrade() -> None:
    op.drop_index("ix_reviews_user_id", "reviews", schema="catalog")
    op.drop_column("cats", "pending_endpoint_url", schema="catalog")
