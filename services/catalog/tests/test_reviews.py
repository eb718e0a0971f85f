import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cathouse_catalog.main import create_app
from cathouse_catalog.settings import Settings
from cathouse_kit.testing import FakeServices, Issuer, running
from cathouse_platform.platform import Role
from fastapi import FastAPI

from .support import (
    ADOPTIONS_PATH,
    CATS,
    WAY_TO,
    Catalog,
    insert_published,
    is_problem,
    wrong_fields,
)


async def test_a_first_review_is_created_and_the_next_replaces_it(
    catalog: Catalog, issuer: Issuer
) -> None:
    cat = await catalog.make()
    player_id = uuid4()
    player = issuer.headers(Role.PLAYER, player_id)
    path = f"{CATS}/{cat['id']}/reviews"
    first = await catalog.client.put(
        f"{path}/mine", headers=player, json={"rating": 2, "comment": " Slow.\nVery. "}
    )
    review = first.json()
    assert first.status_code == 201
    assert review == {
        "id": review["id"],
        "cat_id": cat["id"],
        "user_id": str(player_id),
        "rating": 2,
        "comment": "Slow.\nVery.",
        "created_at": review["created_at"],
        "updated_at": review["created_at"],
    }
    second = await catalog.client.put(f"{path}/mine", headers=player, json={"rating": 5})
    changed = second.json()
    assert second.status_code == 200
    assert changed["updated_at"] > review["updated_at"]
    assert changed == review | {
        "rating": 5,
        "comment": "",
        "updated_at": changed["updated_at"],
    }
    assert await catalog.walk(path) == [changed]


async def test_reviews_move_the_rating_and_nothing_else_of_the_cat(
    catalog: Catalog, issuer: Issuer
) -> None:
    cat = await catalog.make()
    ada, bob, eve = (issuer.headers(Role.PLAYER) for _ in range(3))

    async def rating() -> Any:
        now = await catalog.read(cat)
        assert now == cat | {"rating": now["rating"]}
        return now["rating"]

    await catalog.review(cat, 5, ada)
    assert await rating() == {"average": 5, "count": 1}
    await catalog.review(cat, 4, bob)
    await catalog.review(cat, 4, eve)
    assert await rating() == {"average": 13 / 3, "count": 3}
    await catalog.review(cat, 1, ada)
    assert await rating() == {"average": 3, "count": 3}
    await catalog.review(cat, 1, ada)
    assert await rating() == {"average": 3, "count": 3}
    for person, left in ((bob, {"average": 2.5, "count": 2}), (eve, {"average": 1, "count": 1})):
        answer = await catalog.client.delete(f"{CATS}/{cat['id']}/reviews/mine", headers=person)
        assert (answer.status_code, answer.content) == (204, b"")
        assert await rating() == left
    await catalog.client.delete(f"{CATS}/{cat['id']}/reviews/mine", headers=ada)
    assert await rating() == {"average": None, "count": 0}


async def test_fifty_concurrent_reviews_give_the_exact_average(
    catalog: Catalog, issuer: Issuer
) -> None:
    cat = await catalog.make()
    people = [issuer.headers(Role.PLAYER) for _ in range(50)]
    ratings = [1 + n * n % 5 for n in range(50)]
    answers = await asyncio.gather(
        *(
            catalog.review(cat, rating, person)
            for rating, person in zip(ratings, people, strict=True)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert (await catalog.read(cat))["rating"] == {"average": sum(ratings) / 50, "count": 50}

    # Then half of them change their reviews, and the others delete theirs, all at the same time.
    path = f"{CATS}/{cat['id']}/reviews/mine"
    await asyncio.gather(
        *(catalog.review(cat, 6 - ratings[n], people[n]) for n in range(25)),
        *(catalog.client.delete(path, headers=people[n]) for n in range(25, 50)),
    )
    left = [6 - rating for rating in ratings[:25]]
    assert (await catalog.read(cat))["rating"] == {"average": sum(left) / 25, "count": 25}
    assert sorted(
        review["rating"] for review in await catalog.walk(f"{CATS}/{cat['id']}/reviews")
    ) == sorted(left)


async def test_many_concurrent_reviews_of_one_player_give_one_review(catalog: Catalog) -> None:
    cat = await catalog.make()
    answers = await asyncio.gather(
        *(catalog.review(cat, 1 + n % 5, catalog.player) for n in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    (review,) = await catalog.walk(f"{CATS}/{cat['id']}/reviews")
    assert (await catalog.read(cat))["rating"] == {"average": review["rating"], "count": 1}


async def test_concurrent_reviews_of_several_cats_are_independent(
    catalog: Catalog, issuer: Issuer
) -> None:
    cats = [await catalog.make() for _ in range(4)]
    people = [issuer.headers(Role.PLAYER) for _ in range(10)]
    await asyncio.gather(
        *(catalog.review(cat, 1 + n, person) for person in people for n, cat in enumerate(cats))
    )
    for n, cat in enumerate(cats):
        assert (await catalog.read(cat))["rating"] == {"average": 1 + n, "count": 10}


@pytest.mark.parametrize("status", [status for status in WAY_TO if status != "published"])
async def test_a_cat_that_is_not_published_cannot_be_reviewed(
    catalog: Catalog, status: str
) -> None:
    cat = await catalog.make(status)
    path = f"{CATS}/{cat['id']}/reviews"
    assert is_problem(await catalog.review(cat, 5, catalog.player), 404, "cat_not_found")
    answer = await catalog.client.delete(f"{path}/mine", headers=catalog.player)
    assert is_problem(answer, 404, "cat_not_found")
    assert is_problem(await catalog.client.get(path), 404, "cat_not_found")
    assert await catalog.walk(path, who=catalog.developer) == []


async def test_a_player_without_a_review_cannot_delete_it(catalog: Catalog) -> None:
    cat = await catalog.make()
    path = f"{CATS}/{cat['id']}/reviews/mine"
    answer = await catalog.client.delete(path, headers=catalog.player)
    assert is_problem(answer, 404, "review_not_found")
    answer = await catalog.client.delete(f"{CATS}/{uuid4()}/reviews/mine", headers=catalog.player)
    assert is_problem(answer, 404, "cat_not_found")


async def test_an_invalid_review_is_refused(catalog: Catalog) -> None:
    cat = await catalog.make()
    path = f"{CATS}/{cat['id']}/reviews/mine"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "rating"),
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": 4.5}, "rating"),
        ({"rating": "5"}, "rating"),
        ({"rating": True}, "rating"),
        ({"rating": 5, "comment": "x" * 2001}, "comment"),
        ({"rating": 5, "comment": "x\0"}, "comment"),
        ({"rating": 5, "user_id": "0193"}, "user_id"),
    ]
    for body, field in wrong:
        answer = await catalog.client.put(path, headers=catalog.player, json=body)
        assert wrong_fields(answer) == [["body", field]], body
    assert (await catalog.read(cat))["rating"]["count"] == 0


async def test_reviews_are_newest_first_and_pages_are_stable(
    app: FastAPI, catalog: Catalog, issuer: Issuer
) -> None:
    (cat_id,) = await insert_published(app, {})
    written = [
        (await catalog.review({"id": cat_id}, 3, issuer.headers(Role.PLAYER))).json()["id"]
        for _ in range(5)
    ]
    path = f"{CATS}/{cat_id}/reviews"
    page = await catalog.page(path, limit=2)
    await catalog.review({"id": cat_id}, 3, issuer.headers(Role.PLAYER))
    seen = page["items"]
    while page["next_cursor"]:
        page = await catalog.page(path, limit=2, cursor=page["next_cursor"])
        seen += page["items"]
    assert [review["id"] for review in seen] == written[::-1]
    assert UUID(seen[0]["id"]).version == 7


@pytest.fixture
async def own_fakes(
    settings: Settings, fake_services: FakeServices
) -> AsyncIterator[tuple[FakeServices, httpx.AsyncClient]]:
    """The fakes of a separate app, and a client of it."""
    async with running(create_app(settings, transport=fake_services.transport)) as client:
        yield fake_services, client


async def put_review(client: httpx.AsyncClient, cat: dict[str, Any], who: Any) -> httpx.Response:
    return await client.put(f"{CATS}/{cat['id']}/reviews/mine", headers=who, json={"rating": 4})


async def test_only_players_who_adopted_a_cat_can_review_it(
    catalog: Catalog, issuer: Issuer, own_fakes: tuple[FakeServices, httpx.AsyncClient]
) -> None:
    fake_services, client = own_fakes
    cat, adopter, stranger = await catalog.make(), uuid4(), uuid4()

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        adopted = (asked["user_id"], asked["cat_id"]) == (str(adopter), cat["id"])
        return httpx.Response(200, json={"adopted": adopted})

    fake_services.on("GET", ADOPTIONS_PATH, answer)
    refused = await put_review(client, cat, issuer.headers(Role.PLAYER, stranger))
    assert is_problem(refused, 403, "not_adopted")
    player = issuer.headers(Role.PLAYER, adopter)
    assert (await put_review(client, cat, player)).status_code == 201
    assert (await catalog.read(cat))["rating"]["count"] == 1

    # Changing and deleting a review need no adoption.
    fake_services.on("GET", ADOPTIONS_PATH, httpx.ConnectError("down"))
    assert (await put_review(client, cat, player)).status_code == 200
    path = f"{CATS}/{cat['id']}/reviews/mine"
    assert (await client.delete(path, headers=player)).status_code == 204


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("down"),
        httpx.ReadTimeout("slow"),
        httpx.Response(500),
        httpx.Response(404, json={}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"adopted": None}),
    ],
)
async def test_while_installation_fails_nobody_writes_a_first_review(
    catalog: Catalog,
    own_fakes: tuple[FakeServices, httpx.AsyncClient],
    failure: httpx.Response | Exception,
) -> None:
    fake_services, client = own_fakes
    fake_services.on_undescribed("GET", ADOPTIONS_PATH, failure)
    cat = await catalog.make()
    answer = await put_review(client, cat, catalog.player)
    assert is_problem(answer, 503, "peer_unavailable")
    assert answer.json()["peer"] == "installation"
    assert await catalog.walk(f"{CATS}/{cat['id']}/reviews") == []
    hidden = await catalog.make("draft")
    assert is_problem(await put_review(client, hidden, catalog.player), 404, "cat_not_found")
