import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from .support import (
    CATS,
    READ,
    TASK_KEEPER,
    WRITE,
    Catalog,
    is_problem,
    wrong_fields,
)


async def create(catalog: Catalog, **manifest: Any) -> httpx.Response:
    return await catalog.client.post(CATS, headers=catalog.developer, json=TASK_KEEPER | manifest)


async def test_a_new_cat_is_a_draft_of_its_developer(catalog: Catalog) -> None:
    response = await create(catalog)
    cat = response.json()
    assert response.status_code == 201
    assert cat.items() >= TASK_KEEPER.items()
    assert cat["slug"] == "task-keeper"
    assert cat["developer_id"] == str(catalog.developer_id)
    assert cat["status"] == "draft"
    assert cat["rating"] == {"average": None, "count": 0}
    assert cat["featured"] is False
    assert UUID(cat["id"]).version == 7
    assert cat["created_at"].endswith("Z")
    assert cat["updated_at"] == cat["created_at"]
    assert await catalog.read(cat) == cat


async def test_missing_fields_get_their_defaults(catalog: Catalog) -> None:
    given = {"name", "tagline", "category", "endpoint_url"}
    body = {name: value for name, value in TASK_KEEPER.items() if name in given}
    cat = (await catalog.client.post(CATS, headers=catalog.developer, json=body)).json()
    assert (cat["description"], cat["version"], cat["scopes"]) == ("", "0.1.0", [])


async def test_a_slug_is_derived_from_the_name(catalog: Catalog) -> None:
    slugs = [
        ("Task Keeper", "task-keeper"),
        ("  Träume & Ziele!  ", "traume-ziele"),
        ("C3-PO's cat", "c3-po-s-cat"),
        ("x" * 63 + " y" * 8, "x" * 63),
    ]
    for name, slug in slugs:
        assert (await create(catalog, name=name)).json()["slug"] == slug


@pytest.mark.parametrize("name", ["猫", "!", "0190b3c4-0000-7000-8000-000000000000"])
async def test_a_name_without_latin_letters_needs_a_slug(catalog: Catalog, name: str) -> None:
    response = await create(catalog, name=name)
    assert is_problem(response, 422, "name_makes_no_slug")
    assert response.json()["errors"][0]["loc"] == ["body", "slug"]
    assert (await create(catalog, name=name, slug="neko")).json()["slug"] == "neko"


async def test_a_slug_belongs_to_one_cat(catalog: Catalog) -> None:
    await create(catalog, slug="keeper")
    response = await create(catalog, slug="keeper")
    assert is_problem(response, 409, "slug_taken")
    assert response.json()["slug"] == "keeper"


async def test_one_of_many_concurrent_requests_gets_a_slug(catalog: Catalog) -> None:
    responses = await asyncio.gather(*(create(catalog, slug="keeper") for _ in range(20)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 19


WRONG: dict[str, list[Any]] = {
    "slug": [
        "Keeper",
        "keeper_",
        "-keeper",
        "kee--per",
        "k",
        "k" * 65,
        "keeper\n",
        "01980000-0000-7000-8000-000000000000",
        "01980000000070008000000000000000",
    ],
    "name": [
        "",
        "   ",
        "x" * 81,
        "two\nlines",
        "nul\0",
        7,
    ],
    "tagline": [
        "",
        "x" * 161,
    ],
    "description": [
        "nul\0",
        "x" * 10_001,
    ],
    "category": [
        "Games",
        "two words",
        "x",
        "nul\0",
    ],
    "version": [
        "1",
        "1.0",
        "v1.0.0",
        "01.0.0",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0\n",
        "1.0.\N{ARABIC-INDIC DIGIT ONE}",
        f"1.0.{'9' * 64}",
    ],
    "endpoint_url": [
        "http:tasks.example.com",
        "https:/tasks.example.com",
        "https://tasks.example.com:port",
        "https://[::1",
        "https://tasks..example.com:0x50",
        "",
        "tasks.example.com",
        "/api",
        "ftp://tasks.example.com",
        "javascript:alert(1)",
        "http://",
        "http:///api",
        "https://ada@tasks.example.com",
        "https://ada:secret@tasks.example.com",
        "https://@tasks.example.com",
        "https://tasks.example.com?debug=1",
        "https://tasks.example.com/api?",
        "https://tasks.example.com/#top",
        "https://tasks.example.com:99999",
        "https://tasks.example.com\\@evil.example",
        "https://tasks.exam ple.com",
        "https://tasks.exam\tple.com",
        "https://tasks.example.com/\0",
        "https://tasks.ex\N{LATIN SMALL LETTER A WITH DIAERESIS}mple.com",
        f"https://tasks.example.com/{'x' * 2048}",
    ],
    "developer_id": [
        str(uuid4()),
    ],
    "status": [
        "published",
    ],
    "featured": [
        True,
    ],
}


@pytest.mark.parametrize("field", WRONG)
async def test_an_invalid_field_is_named_and_nothing_is_created(
    catalog: Catalog, field: str
) -> None:
    for value in WRONG[field]:
        response = await create(catalog, **{field: value})
        assert wrong_fields(response) == [["body", field]], value
    assert await catalog.walk(who=catalog.developer, mine=True) == []


async def test_an_invalid_scope_is_named_by_its_location(catalog: Catalog) -> None:
    response = await create(catalog, scopes=[READ, WRITE | {"name": "write"}])
    assert wrong_fields(response) == [["body", "scopes", 1, "name"]]


async def test_a_field_without_a_default_is_required(catalog: Catalog) -> None:
    response = await catalog.client.post(CATS, headers=catalog.developer, json={"slug": "keeper"})
    needed = ("name", "tagline", "category", "endpoint_url")
    assert wrong_fields(response) == [["body", field] for field in needed]


async def test_an_endpoint_is_stored_in_its_normal_form(catalog: Catalog) -> None:
    forms = [
        ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        ("https://Tasks.Example.com/", "https://tasks.example.com"),
        ("https://tasks.example.com:443/api/", "https://tasks.example.com/api"),
        ("https://tasks.example.com/a/../b", "https://tasks.example.com/b"),
        ("http://[::1]:9001/x%20y", "http://[::1]:9001/x%20y"),
    ]
    for given, kept in forms:
        assert (await create(catalog, slug=f"x{len(given)}", endpoint_url=given)).json()[
            "endpoint_url"
        ] == kept


async def test_a_developer_changes_the_texts_of_a_cat(catalog: Catalog) -> None:
    cat = await catalog.make("draft")
    changes = {
        "name": "Task Tamer",
        "tagline": "Tames tasks",
        "description": "",
        "category": "games",
        "endpoint_url": "https://tamer.example.com",
    }
    response = await catalog.client.patch(
        f"{CATS}/{cat['id']}", headers=catalog.developer, json=changes
    )
    changed = response.json()
    assert response.status_code == 200
    assert changed == cat | changes | {"updated_at": changed["updated_at"]}
    assert changed["updated_at"] > cat["updated_at"]
    assert await catalog.read(cat) == changed


async def test_fields_that_a_change_omits_stay(catalog: Catalog) -> None:
    cat = await catalog.make("draft")
    response = await catalog.client.patch(
        f"{CATS}/{cat['id']}", headers=catalog.developer, json={"name": "Task Tamer"}
    )
    expected = cat | {"name": "Task Tamer", "updated_at": response.json()["updated_at"]}
    assert response.json() == expected


async def test_an_empty_change_changes_nothing(catalog: Catalog) -> None:
    cat = await catalog.make("draft")
    response = await catalog.client.patch(f"{CATS}/{cat['id']}", headers=catalog.developer, json={})
    assert (response.status_code, response.json()) == (200, cat)


async def test_an_invalid_change_is_refused(catalog: Catalog) -> None:
    cat = await catalog.make("draft")
    wrong: list[tuple[str, Any]] = [
        ("name", None),
        ("name", ""),
        ("description", None),
        ("endpoint_url", "ftp://example.com"),
        ("slug", "another"),
        ("version", "2.0.0"),
        ("scopes", []),
        ("status", "published"),
        ("featured", True),
    ]
    for field, value in wrong:
        response = await catalog.client.patch(
            f"{CATS}/{cat['id']}", headers=catalog.developer, json={field: value}
        )
        assert wrong_fields(response) == [["body", field]], value
    assert await catalog.read(cat) == cat


async def test_changes_of_a_published_cat_are_visible_and_found_at_once(catalog: Catalog) -> None:
    cat = await catalog.make(name="Old Title")
    await catalog.client.patch(
        f"{CATS}/{cat['id']}", headers=catalog.developer, json={"name": "Fresh Face"}
    )
    assert [found["id"] for found in await catalog.walk(q="fresh face")] == [cat["id"]]
    assert await catalog.walk(q="old title") == []


async def test_scopes_are_stored_as_they_were_declared(catalog: Catalog) -> None:
    cat = (await create(catalog, scopes=[WRITE, READ])).json()
    assert cat["scopes"] == [WRITE, READ]
