"""search and order that do not depend on the cluster's locale"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Removes case, accents and invisible characters, and unifies compatible forms of a letter. Punctuation and spaces
# beyond ASCII become spaces.
_FOLD = r"""
create function catalog.search_fold(value text) returns text
language sql immutable strict parallel safe
return regexp_replace(
    regexp_replace(
        casefold(normalize(value, nfkd) collate pg_unicode_fast),
        E'[\u0300-\u036f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+', '', 'g'
    ),
    '(?![[:ascii:]])[[:punct:][:space:]]+', ' ', 'g'
)
"""
# Replaces each letter beyond ASCII with its code point, so different words stay different.
_WORDS = """
create function catalog.search_words(value text) returns text
language sql immutable strict parallel safe
return (
    select coalesce(string_agg(
        case when ascii(letter) < 128 then letter else 'u' || lpad(to_hex(ascii(letter)), 5, '0') end,
        '' order by place
    ), '')
    from regexp_split_to_table(catalog.search_fold(value), '') with ordinality as letters (letter, place)
)
"""
# Replaces each letter of an alphabet with one ASCII letter or digit, so a misspelt word shares as many trigrams as in
# English. Letters of the large scripts from U+2E80 on (kana, Han) become three characters. 7919 is prime, so neighbours
# get different characters.
_LETTERS = """
create function catalog.search_letters(value text) returns text
language sql immutable strict parallel safe
return (
    select coalesce(string_agg(
        case
            when code < 128 then letter
            when code < 11904 then substr(digits, code % 36 + 1, 1)
            else
                substr(digits, mixed / 1296 + 1, 1)
                || substr(digits, mixed / 36 % 36 + 1, 1)
                || substr(digits, mixed % 36 + 1, 1)
        end,
        '' order by place
    ), '')
    from
        regexp_split_to_table(catalog.search_fold(value), '') with ordinality as letters (letter, place),
        lateral (values (
            ascii(letter),
            (ascii(letter)::bigint * 7919 % 46656)::integer,
            'abcdefghijklmnopqrstuvwxyz0123456789'
        )) as codes (code, mixed, digits)
)
"""
_SEARCH_TEXT = "catalog.search_letters(name || ' ' || tagline)"
_SEARCH = """
setweight(to_tsvector('english', catalog.search_words(name)), 'A')
|| setweight(to_tsvector('english', catalog.search_words(tagline)), 'B')
|| setweight(to_tsvector('english', category), 'C')
|| setweight(to_tsvector('english', catalog.search_words(description)), 'D')
"""
_SORT_NAME = "lower(normalize(name, nfkd) collate pg_unicode_fast)"
_SEARCH_TEXT_BEFORE = "name || ' ' || tagline"
_SEARCH_BEFORE = """
setweight(to_tsvector('english', name), 'A')
|| setweight(to_tsvector('english', tagline), 'B')
|| setweight(to_tsvector('english', category), 'C')
|| setweight(to_tsvector('english', description), 'D')
"""


def upgrade() -> None:
    for function in (_FOLD, _WORDS, _LETTERS):
        # text() would read the colons of a character class as parameters.
        op.get_bind().exec_driver_sql(function)
    _rebuild("C", _SEARCH_TEXT, _SEARCH)


def downgrade() -> None:
    _rebuild(None, _SEARCH_TEXT_BEFORE, _SEARCH_BEFORE)
    for function in ("search_letters", "search_words", "search_fold"):
        op.execute(f"drop function catalog.{function}(text)")


def _rebuild(collation: str | None, search_text: str, search: str) -> None:
    """Create the columns for search and order again, with their indexes."""
    for column in ("sort_name", "search_text", "search"):
        op.drop_column("cats", column, schema="catalog")
    op.alter_column(
        "cats",
        "category",
        type_=sa.String(40, collation=collation or "default"),
        existing_nullable=False,
        schema="catalog",
    )
    for name, kind, expression in (
        ("sort_name", sa.Text(collation=collation), _SORT_NAME),
        ("search_text", sa.Text(), search_text),
        ("search", postgresql.TSVECTOR(), search),
    ):
        computed = sa.Computed(expression, persisted=True)
        op.add_column("cats", sa.Column(name, kind, computed, nullable=False), schema="catalog")
    op.create_index(
        "ix_cats_name",
        "cats",
        ["sort_name", "id"],
        schema="catalog",
        postgresql_where=sa.text("status = 'published'"),
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
