from fastapi import FastAPI

from .support import Catalog, insert_published

CATEGORIES = "/api/v1/catalog/categories"


async def test_without_cats_there_are_no_categories(catalog: Catalog) -> None:
    assert await catalog.page(CATEGORIES) == {"items": [], "next_cursor": None}


async def test_categories_are_those_of_published_cats_with_their_number(
    app: FastAPI, catalog: Catalog
) -> None:
    await insert_published(
        app, *({"category": name} for name in ("music", "games", "games", "art", "games", "music"))
    )
    for status in ("draft", "submitted", "rejected", "suspended"):
        await catalog.make(status, category="hidden")
        await catalog.make(status, category="games")
    expected = [
        {"category": "art", "count": 1},
        {"category": "games", "count": 3},
        {"category": "music", "count": 2},
    ]
    assert await catalog.walk(CATEGORIES) == expected
    assert await catalog.walk(CATEGORIES, limit=1) == expected
    assert await catalog.walk(CATEGORIES, limit=2) == expected
