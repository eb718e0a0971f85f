import asyncio
from typing import Any

import pytest
from cathouse_kit.testing import Issuer
from cathouse_platform.platform import Role

from .support import CATS, WAY_TO, Catalog, is_problem, listed, wrong_fields

# Method, path, body and caller; then the status of the cat after the request, by its status before.
ACTIONS: dict[str, tuple[str, str, Any, str, dict[str, str]]] = {
    "submit": ("POST", "/submit", None, "developer", {"draft": "submitted"}),
    "approve": ("POST", "/approve", None, "admin", {"submitted": "published"}),
    "reject": ("POST", "/reject", {"reason": "It is empty."}, "admin", {"submitted": "rejected"}),
    "suspend": ("POST", "/suspend", None, "admin", {"published": "suspended"}),
    "restore": ("POST", "/restore", None, "admin", {"suspended": "published"}),
    "feature": ("PUT", "/featured", {"featured": True}, "admin", {"published": "published"}),
    "no longer feature": (
        "PUT",
        "/featured",
        {"featured": False},
        "admin",
        {"published": "published"},
    ),
    "change": (
        "PATCH",
        "",
        {"name": "New"},
        "developer",
        {status: status for status in ("draft", "published", "suspended")},
    ),
    "give a new version to": (
        "POST",
        "/versions",
        {"version": "2.0.0"},
        "developer",
        {status: status for status in ("draft", "published", "suspended")},
    ),
}


@pytest.mark.parametrize("status", WAY_TO)
async def test_a_status_allows_these_actions_and_no_others(catalog: Catalog, status: str) -> None:
    for action, (method, path, body, person, outcomes) in ACTIONS.items():
        cat = await catalog.make(status)
        response = await catalog.client.request(
            method, f"{CATS}/{cat['id']}{path}", headers=getattr(catalog, person), json=body
        )
        after = await catalog.read(cat)
        if status in outcomes:
            assert response.is_success, (action, response.text)
            assert after["status"] == outcomes[status]
        else:
            assert is_problem(response, 409, "wrong_status")
            assert response.json()["cat_status"] == status
            assert response.json()["allowed"] == list(outcomes)
            assert after == cat


async def test_the_developer_and_admins_read_why_a_cat_was_rejected(catalog: Catalog) -> None:
    cat = await catalog.make("rejected")
    assert cat["rejection_reason"] == "It is empty."
    assert await catalog.read(cat) == cat


async def test_a_rejection_needs_a_reason(catalog: Catalog) -> None:
    cat = await catalog.make("submitted")
    for body in [None, {}, {"reason": ""}, {"reason": " "}, {"reason": "x\0"}]:
        response = await catalog.client.post(
            f"{CATS}/{cat['id']}/reject", headers=catalog.admin, json=body
        )
        assert wrong_fields(response) in ([["body"]], [["body", "reason"]])
    assert (await catalog.read(cat))["status"] == "submitted"


async def test_a_featured_cat_is_no_longer_featured_after_a_suspension(catalog: Catalog) -> None:
    cat = await catalog.make()
    path = f"{CATS}/{cat['id']}"
    answer = await catalog.client.put(
        f"{path}/featured", headers=catalog.admin, json={"featured": True}
    )
    assert answer.json()["featured"] is True
    assert [found["id"] for found in await catalog.walk(featured=True)] == [cat["id"]]
    for action in ("suspend", "restore"):
        answer = await catalog.client.post(f"{path}/{action}", headers=catalog.admin)
        assert answer.json()["featured"] is False
    assert await catalog.walk(featured=True) == []


async def test_featured_is_true_or_false(catalog: Catalog) -> None:
    cat = await catalog.make()
    for featured in (None, 1, "true"):
        response = await catalog.client.put(
            f"{CATS}/{cat['id']}/featured", headers=catalog.admin, json={"featured": featured}
        )
        assert wrong_fields(response) == [["body", "featured"]]


async def test_one_of_two_concurrent_decisions_is_refused(catalog: Catalog) -> None:
    cat = await catalog.make("submitted")
    answers = await asyncio.gather(
        *(
            catalog.client.post(f"{CATS}/{cat['id']}/{action}", headers=catalog.admin, json=body)
            for action, body in [("approve", None), ("reject", {"reason": "No."})] * 5
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9


async def test_admins_find_cats_that_wait_for_review(catalog: Catalog) -> None:
    waiting = [await catalog.make("submitted") for _ in range(3)]
    await catalog.make("draft")
    await catalog.make("published")
    found = await catalog.walk(who=catalog.admin, status="submitted", limit=2)
    assert found == [listed(cat) for cat in reversed(waiting)]


@pytest.mark.parametrize("status", WAY_TO)
async def test_only_admins_list_unpublished_cats(catalog: Catalog, status: str) -> None:
    cat = await catalog.make(status)
    assert await catalog.walk(who=catalog.admin, status=status) == [listed(cat)]
    for who in (catalog.nobody, catalog.player, catalog.developer):
        response = await catalog.client.get(CATS, headers=who, params={"status": status})
        if status == "published":
            assert [found["id"] for found in response.json()["items"]] == [cat["id"]]
        elif who:
            assert is_problem(response, 403, "unpublished_cats_hidden")
        else:
            assert is_problem(response, 401, "unauthenticated")


async def test_a_developer_lists_their_own_cats_of_every_status(
    catalog: Catalog, issuer: Issuer
) -> None:
    own = [listed(await catalog.make(status)) for status in WAY_TO]
    assert await catalog.walk(who=catalog.developer, mine=True, limit=2) == own[::-1]
    assert await catalog.walk(who=catalog.developer, mine=True, status="draft") == own[:1]
    for who in (catalog.other_developer, catalog.player, catalog.admin):
        assert await catalog.walk(who=who, mine=True) == []
    player = issuer.headers(Role.PLAYER, catalog.developer_id)
    assert len(await catalog.walk(who=player, mine=True)) == len(own)
    assert is_problem(await catalog.client.get(CATS, params={"mine": True}), 401, "unauthenticated")
