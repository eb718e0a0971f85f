import random
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .support import CATS, Catalog, insert_published, is_problem, listed, wrong_fields

SHELF: tuple[dict[str, Any], ...] = (
    {"name": "Task Keeper", "tagline": "Keeps what you mean to do", "category": "productivity"},
    {
        "name": "Weather Whiskers",
        "tagline": "Rain or sunshine before you leave",
        "category": "daily",
    },
    {"name": "Habit Tracker", "tagline": "Small steps every day", "category": "health"},
    {"name": "Recipe Box", "tagline": "Cook what the fridge holds", "category": "cooking"},
    {"name": "Language Lynx", "tagline": "Ten new words each morning", "category": "learning"},
    {"name": "Budget Buddy", "tagline": "Where the money went", "category": "finance"},
    {"name": "Chess Kitten", "tagline": "Puzzles for beginners", "category": "games"},
    {"name": "Meditation Manx", "tagline": "Breathe for five minutes", "category": "health"},
    {"name": "Garden Ginger", "tagline": "When to plant and when to water", "category": "daily"},
    {
        "name": "Träumer",
        "tagline": "A diary for the night",
        "description": "Write your dreams down before they vanish. Astronauts like it.",
        "category": "health",
    },
)


@pytest.fixture
async def shelf(app: FastAPI, catalog: Catalog) -> None:
    await insert_published(app, *({"description": ""} | cat for cat in SHELF))


async def names(catalog: Catalog, q: str, **params: Any) -> list[str]:
    return [cat["name"] for cat in await catalog.walk(q=q, limit=3, **params)]


@pytest.mark.usefixtures("shelf")
async def test_the_best_match_of_a_search_comes_first(catalog: Catalog) -> None:
    searches = [
        ("task keeper", "Task Keeper"),
        ("TASK", "Task Keeper"),
        ("keeping tasks", "Task Keeper"),
        ("taks keeper", "Task Keeper"),
        ("task kepper", "Task Keeper"),
        ("tsak keper", "Task Keeper"),
        ("wether", "Weather Whiskers"),
        ("weahter wiskers", "Weather Whiskers"),
        ("habbit", "Habit Tracker"),
        ("recpie", "Recipe Box"),
        ("langauge", "Language Lynx"),
        ("budjet", "Budget Buddy"),
        ("chess kiten", "Chess Kitten"),
        ("meditaton", "Meditation Manx"),
        ("gardn", "Garden Ginger"),
        ("traumer", "Träumer"),
        ("begginers", "Chess Kitten"),
        ("garden OR recipe", "Garden Ginger"),
    ]
    for q, best in searches:
        assert (await names(catalog, q))[:1] == [best], q


@pytest.mark.usefixtures("shelf")
async def test_most_misspellings_of_a_name_find_it(catalog: Catalog) -> None:
    chance = random.Random(8)
    tries = [(cat["name"], misspelt(cat["name"], chance)) for cat in SHELF for _ in range(6)]
    found = [name in await names(catalog, q) for name, q in tries]
    assert sum(found) >= 0.9 * len(tries)


def misspelt(name: str, chance: random.Random) -> str:
    """Return the name with one wrong letter in each longer word."""
    return " ".join(
        word if len(word) < 4 else _with_a_slip(word, chance) for word in name.lower().split()
    )


def _with_a_slip(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    before, letter, after = word[:at], word[at], word[at + 1 :]
    return before + chance.choice(
        [
            after,
            letter * 2 + after,
            chance.choice("aeiorstn") + after,
            after[0] + letter + after[1:],
        ]
    )


@pytest.mark.usefixtures("shelf")
async def test_a_word_of_the_description_finds_a_cat_in_any_of_its_forms(catalog: Catalog) -> None:
    assert await names(catalog, "dreaming astronaut") == ["Träumer"]
    assert await names(catalog, '"dreams astronauts"') == []


@pytest.mark.usefixtures("shelf")
async def test_an_absent_word_is_not_found(catalog: Catalog) -> None:
    assert await names(catalog, "submarine") == []
    assert await names(catalog, "%") == []
    assert await names(catalog, "'; drop table cats; --") == []
    assert len(await catalog.walk()) == len(SHELF)


@pytest.mark.usefixtures("shelf")
async def test_search_and_filters_can_be_combined(catalog: Catalog) -> None:
    assert await names(catalog, "mediation manx", category="health") == ["Meditation Manx"]
    assert await names(catalog, "mediation manx", category="games") == []
    assert await names(catalog, "mediation manx", featured=True) == []


async def test_a_search_finds_only_visible_cats(catalog: Catalog) -> None:
    cat = await catalog.make("draft", name="Secret Plans")
    assert await names(catalog, "secret plans") == []
    for who, params in (
        (catalog.developer, {"mine": True}),
        (catalog.admin, {"status": "draft"}),
    ):
        assert await catalog.walk(who=who, q="secrte plans", **params) == [listed(cat)]


async def test_a_search_can_have_another_order(app: FastAPI, catalog: Catalog) -> None:
    await insert_published(app, *({"name": f"Chess {word}"} for word in ("Beta", "Alpha", "Chess")))
    assert (await names(catalog, "chess"))[0] == "Chess Chess"
    assert await names(catalog, "chess", sort="name") == [
        "Chess Alpha",
        "Chess Beta",
        "Chess Chess",
    ]


async def test_relevance_needs_a_search(catalog: Catalog) -> None:
    response = await catalog.client.get(CATS, params={"sort": "relevance"})
    assert wrong_fields(response) == [["query", "sort"]]


async def test_a_cursor_is_valid_only_for_its_search(app: FastAPI, catalog: Catalog) -> None:
    await insert_published(app, {"name": "Chess One"}, {"name": "Chess Two"})
    cursor = (await catalog.page(q="chess", limit=1))["next_cursor"]
    response = await catalog.client.get(CATS, params={"q": "ches", "cursor": cursor})
    assert wrong_fields(response) == [["query", "cursor"]]


@pytest.mark.usefixtures("shelf")
async def test_strange_searches_succeed(catalog: Catalog) -> None:
    strange = (
        "!",
        "&|",
        ":*",
        "((",
        '"',
        "-task",
        "task -keeper",
        "a" * 200,
        "猫",
        "\\",
        "🐈" * 200,
    )
    for q in strange:
        assert (await catalog.client.get(CATS, params={"q": q})).status_code == 200, q


async def test_an_invalid_search_is_refused(catalog: Catalog) -> None:
    for q in ("", " ", "a" * 201, "nul\0", "two\nlines", "\x1b[31m"):
        response = await catalog.client.get(CATS, params={"q": q})
        assert is_problem(response, 422, "invalid_request")
        assert response.json()["errors"][0]["loc"] == ["query", "q"]


SIGNS = st.sampled_from(
    ["-", '"', "or", "OR ", " ", "(", ")", "&", "|", "!", ":", "*", "<", ">", "<->"]
)
WORDS = st.sampled_from(
    ["task", "猫", "é", "«", "’", "—", "🐈", "\u00a0", "\ufdfa", "'", "\\", "_", "0"]
)


@pytest.mark.parametrize("length", [1, 32, 33, 64, 200])
@pytest.mark.parametrize(
    "sign", ["-", "- ", '-"', '"-', "-(", "-«", "-'", "-\\", "or ", "-or ", '"', "!", "-a "]
)
async def test_repeated_syntax_characters_cause_no_error(
    catalog: Catalog, sign: str, length: int
) -> None:
    response = await catalog.client.get(CATS, params={"q": (sign * length)[:200]})
    assert response.status_code == 200, response.text


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    q=st.lists(SIGNS | WORDS, min_size=1, max_size=200).map(lambda parts: "".join(parts)[:200])
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
)
async def test_no_search_causes_a_server_error(catalog: Catalog, q: str) -> None:
    for params in ({"q": q}, {"q": q, "sort": "name"}):
        response = await catalog.client.get(CATS, params=params)
        assert response.status_code in (200, 422), (q, response.text)


@pytest.mark.usefixtures("shelf")
async def test_an_excluded_word_works_in_any_script(app: FastAPI, catalog: Catalog) -> None:
    await insert_published(app, {"name": "Кот", "tagline": "x", "description": "Рыба и молоко"})
    await insert_published(app, {"name": "Пёс", "tagline": "x", "description": "Рыба и кость"})
    assert await names(catalog, "рыба -молоко") == ["Пёс"]
    assert await names(catalog, '"рыба и молоко"') == ["Кот"]
    assert sorted(await names(catalog, "молоко or кость")) == ["Кот", "Пёс"]
