from typing import Any

import pytest
from cathouse_kit.testing import Issuer
from cathouse_platform.platform import Role

from .support import CATS, WAY_TO, Catalog, is_problem, listed

# Fields that only a cat's developer, admins and other services see.
PRIVATE = {"endpoint_url", "rejection_reason"}


def public(cat: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cat.items() if name not in PRIVATE}


@pytest.mark.parametrize("status", WAY_TO)
async def test_a_cat_is_found_only_by_viewers_who_may_see_it(catalog: Catalog, status: str) -> None:
    cat = await catalog.make(status)
    for reference in (cat["id"], cat["slug"], cat["id"].upper()):
        for path in (f"{CATS}/{reference}", f"{CATS}/{reference}/versions"):
            for who in (catalog.developer, catalog.admin):
                response = await catalog.client.get(path, headers=who)
                assert response.status_code == 200
            for who in (catalog.nobody, catalog.player, catalog.other_developer):
                response = await catalog.client.get(path, headers=who)
                if status == "published":
                    assert response.status_code == 200
                else:
                    assert is_problem(response, 404, "cat_not_found")


async def test_the_endpoint_is_shown_to_the_developer_and_to_admins_only(catalog: Catalog) -> None:
    cat = await catalog.make()
    assert cat["endpoint_url"] == "https://tasks.example.com/api"
    for who in (catalog.developer, catalog.admin):
        seen = (await catalog.client.get(f"{CATS}/{cat['id']}", headers=who)).json()
        assert seen == cat
        assert await catalog.walk(who=who) == [listed(cat)]
    for who in (catalog.nobody, catalog.player, catalog.other_developer):
        seen = (await catalog.client.get(f"{CATS}/{cat['id']}", headers=who)).json()
        assert seen == public(cat)
        assert await catalog.walk(who=who) == [listed(public(cat))]


async def test_a_developer_who_has_become_a_player_still_sees_their_cats(
    catalog: Catalog, issuer: Issuer
) -> None:
    cat = await catalog.make("draft")
    former = issuer.headers(Role.PLAYER, catalog.developer_id)
    assert (await catalog.client.get(f"{CATS}/{cat['id']}", headers=former)).json() == cat


async def test_an_unknown_id_or_slug_is_not_found(catalog: Catalog) -> None:
    references = [
        "nobody",
        "x",
        "No-Slug",
        "%00",
        "a%00b",
        "%F0%9F%90%88",
        "%FF",
        "..%2F..",
        "a--b",
        "a" * 65,
        "9" * 5000,
        "a'%20or%20'1'='1",
        "urn:uuid:",
        "01930000-0000-7000-8000-000000000000",
        "00000000-0000-0000-0000-000000000000",
        "{01930000-0000-7000-8000-000000000000}",
    ]
    for reference in references:
        for path in ("", "/versions", "/reviews"):
            response = await catalog.client.get(f"{CATS}/{reference}{path}")
            assert response.status_code == 404, reference


async def test_changes_need_the_id_of_a_cat(catalog: Catalog) -> None:
    cat = await catalog.make("draft")
    response = await catalog.client.post(f"{CATS}/{cat['slug']}/submit", headers=catalog.developer)
    assert is_problem(response, 422, "invalid_request")
