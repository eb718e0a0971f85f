"""A FastAPI route that lists and searches cats, with a response model and asyncpg alone."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI

from bench.peers.cat import Cats

COLUMNS = (
    "id, slug, name, tagline, description, category, developer_id, status, version, featured, "
    "rating_count, rating_average, created_at, updated_at"
)
LIST = f"""select {COLUMNS} from catalog.cats where status = 'published'
    order by created_at desc, id desc limit $1"""  # noqa: S608 - constants
SEARCH = f"""select {COLUMNS} from catalog.cats,
    websearch_to_tsquery('english'::regconfig, catalog.search_words($2)) words
    where status = 'published' and (search @@ words or search_text %> catalog.search_letters($2))
    order by ts_rank(search, words) + word_similarity(catalog.search_letters($2), search_text) desc,
    created_at desc, id desc limit $1"""  # noqa: S608 - constants


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    options = {"pg_trgm.word_similarity_threshold": "0.3"}
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], server_settings=options)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/cats", response_model=Cats)
async def cats(limit: int = 20, q: str | None = None) -> Any:
    query, values = (LIST, [limit]) if q is None else (SEARCH, [limit, q])
    return {"items": [dict(row) for row in await app.state.pool.fetch(query, *values)]}
