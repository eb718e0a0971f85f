"""Search and order do not depend on the database's locale. Each test runs with a locale of each provider."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from cathouse_catalog.main import create_app
from cathouse_catalog.settings import Settings
from cathouse_kit.registry import Service
from cathouse_kit.testing import running
from cathouse_migrate.migrate import migrate_all
from cathouse_postgres.testing import TemporaryServer
from fastapi import FastAPI

from .support import CATS, insert_published

LOCALES = {
    # The locale of the development cluster, and of every cluster from `initdb --locale=C`.
    "builtin": "locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'",
    "c": "locale_provider libc locale 'C'",
    "c_utf8": "locale_provider libc locale 'C.UTF-8'",
    "unicode_fast": "locale_provider builtin builtin_locale 'PG_UNICODE_FAST' locale 'C.UTF-8'",
}

# Names, and usual misspellings or other spellings of them.
NAMES = {
    "Задачник": ["задачник", "ЗАДАЧНИК", "Задачнек", "задачик", "«Задачник»"],
    "Notebook": ["Notebok", "NOTEBOOK"],
    "Σημειώσεις": ["σημειωσεισ", "σημιωσεις", "ΣΗΜΕΙΏΣΕΙΣ"],
    "Žluťoučký kůň": ["zlutoucky kun", "Zlut\u030couc\u030cky\u0301", "žlutoučka"],
    "Straßenkarte": ["strassenkarte", "STRASSENKARTE", "Straßenkrte"],
    "İstanbul rehberi": ["istanbul", "ISTANBUL", "istanbl"],
    "მოგზაური": ["მოგზუარი"],
    "Օրագիր": ["օրագիռ", "ՕՐԱԳԻՐ"],
    "יומן מסעות": ["יומנ", "מסעת"],
    "دفتر يوميات": ["دفتر", "يومات"],
    "दैनिकी": ["दैनीकी"],
    "บันทึกประจำวัน": ["บันทึกประจาวัน"],
    "猫の手帳": ["手帳", "猫の手帖", "｢猫の手帳｣"],
    "고양이 일기장": ["고양이", "고앙이", "일기쟝"],
    "Ｆｕｌｌｗｉｄｔｈ": ["fullwidth", "fullwdth"],
}
CATEGORIES = ["a-b", "aa", "a-z", "ab", "a1", "a-1", "b"]


@pytest.fixture(scope="module", params=LOCALES)
async def app(
    request: pytest.FixtureRequest,
    settings: Settings,
    services: tuple[Service, ...],
    postgres_server: TemporaryServer,
    database: str,
) -> AsyncIterator[FastAPI]:
    """The catalog with a separate database that has this locale."""
    name = f"{database}_{request.param}"
    own = [service for service in services if service.name == "catalog"]
    connection = await asyncpg.connect(postgres_server.superuser_url())
    try:
        await connection.execute(
            f"create database {name} template template0 encoding 'UTF8' {LOCALES[request.param]}"
        )
    finally:
        await connection.close()
    try:
        postgres_server.provision(own, name)
        await migrate_all({"catalog": postgres_server.url("catalog_owner", name)})
        url = postgres_server.url("catalog", name)
        yield create_app(
            settings.model_copy(update={"database_url": type(settings.database_url)(url)})
        )
    finally:
        postgres_server.drop_database(name)


@pytest.fixture(scope="module")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        cats = [
            {"name": name, "tagline": "x", "description": "", "category": category}
            for name, category in zip(
                NAMES, CATEGORIES + ["z"] * (len(NAMES) - len(CATEGORIES)), strict=True
            )
        ]
        await insert_published(app, *cats)
        yield client


async def items(client: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get(path, params=params | cursor | {"limit": "4"})).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_found_in_its_script_and_misspelt(
    client: httpx.AsyncClient, name: str
) -> None:
    for q in (name, *NAMES[name]):
        assert [cat["name"] for cat in await items(client, CATS, q=q)][:1] == [name], q


async def test_another_word_of_the_same_script_finds_nothing(client: httpx.AsyncClient) -> None:
    for q in ("погода", "weather", "καιρός", "ამინდი", "מזג", "طقس", "मौसम", "天気", "날씨", "🐈"):
        assert await items(client, CATS, q=q) == [], q


async def test_lists_are_ordered_by_code_point(client: httpx.AsyncClient) -> None:
    assert [cat["name"] for cat in await items(client, CATS, sort="name")] == [
        "Ｆｕｌｌｗｉｄｔｈ",
        "İstanbul rehberi",
        "Notebook",
        "Straßenkarte",
        "Žluťoučký kůň",
        "Σημειώσεις",
        "Задачник",
        "Օրագիր",
        "יומן מסעות",
        "دفتر يوميات",
        "दैनिकी",
        "บันทึกประจำวัน",
        "მოგზაური",
        "고양이 일기장",
        "猫の手帳",
    ]
    found = await items(client, "/api/v1/catalog/categories")
    assert [item["category"] for item in found] == sorted([*CATEGORIES, "z"])
