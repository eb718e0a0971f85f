"""cats, their versions, their reviews"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_RATING_AVERAGE = """
case when rating_count = 0 then 0::double precision
     else rating_sum::double precision / rating_count::double precision end
"""
_SORT_NAME = "lower(normalize(name, nfkd) collate pg_unicode_fast)"
_SEARCH_TEXT = "name || ' ' || tagline"
_SEARCH = """
setweight(to_tsvector('english', name), 'A')
|| setweight(to_tsvector('english', tagline), 'B')
|| setweight(to_tsvector('english', category), 'C')
|| setweight(to_tsvector('english', description), 'D')
"""
_PUBLISHED = sa.text("status = 'published'")


def upgrade() -> None:
    op.create_table(
        "cats",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("tagline", sa.String(160), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("developer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(16), server_default="draft", nullable=False),
        sa.Column("rejection_reason", sa.Text()),
        sa.Column("endpoint_url", sa.String(2048), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("scopes", postgresql.JSONB(), nullable=False),
        sa.Column("rating_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rating_sum", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "rating_average",
            sa.Double(),
            sa.Computed(_RATING_AVERAGE, persisted=True),
            nullable=False,
        ),
        sa.Column("featured", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("sort_name", sa.Text(), sa.Computed(_SORT_NAME, persisted=True), nullable=False),
        sa.Column(
            "search_text", sa.Text(), sa.Computed(_SEARCH_TEXT, persisted=True), nullable=False
        ),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(_SEARCH, persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status in ('draft', 'submitted', 'published', 'rejected', 'suspended')",
            name="ck_cats_status_is_known",
        ),
        sa.CheckConstraint(
            "rating_sum between rating_count and 5 * rating_count",
            name="ck_cats_rating_is_possible",
        ),
        sa.CheckConstraint(
            "not featured or status = 'published'", name="ck_cats_featured_is_published"
        ),
        sa.CheckConstraint(
            "(status = 'rejected') = (rejection_reason is not null)",
            name="ck_cats_rejection_has_a_reason",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cats"),
        sa.UniqueConstraint("slug", name="uq_cats_slug"),
        schema="catalog",
    )
    op.create_index("ix_cats_developer_id", "cats", ["developer_id"], schema="catalog")
    # One partial index for each order and filter of the lists of published cats.
    for name, columns in {
        "newest": ["created_at", "id"],
        "rating": ["rating_average", "rating_count", "created_at", "id"],
        "name": ["sort_name", "id"],
        "category": ["category"],
    }.items():
        op.create_index(
            f"ix_cats_{name}", "cats", columns, schema="catalog", postgresql_where=_PUBLISHED
        )
    op.create_index("ix_cats_search", "cats", ["search"], schema="catalog", postgresql_using="gin")
    op.create_index(
        "ix_cats_search_text",
        "cats",
        ["search_text"],
        schema="catalog",
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_table(
        "versions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("cat_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("release_notes", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("published_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["catalog.cats.id"], name="fk_versions_cat_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_versions"),
        sa.UniqueConstraint("cat_id", "version", name="uq_versions_cat_id_version"),
        schema="catalog",
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("cat_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint("rating between 1 and 5", name="ck_reviews_rating_is_one_to_five"),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["catalog.cats.id"], name="fk_reviews_cat_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sa.UniqueConstraint("cat_id", "user_id", name="uq_reviews_cat_id_user_id"),
        schema="catalog",
    )
    op.create_index(
        "ix_reviews_newest", "reviews", ["cat_id", "created_at", "id"], schema="catalog"
    )


def downgrade() -> None:
    op.drop_table("reviews", schema="catalog")
    op.drop_table("versions", schema="catalog")
    op.drop_table("cats", schema="catalog")
