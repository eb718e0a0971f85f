from uuid import uuid4

import pytest
from cathouse_kit.testing import bearer

from .support import WAY_TO, Catalog, is_problem

INTERNAL = "/api/v1/catalog/internal/cats"


@pytest.mark.parametrize("status", WAY_TO)
async def test_other_services_read_all_fields_of_a_cat_of_any_status(
    catalog: Catalog, service_token: str, status: str
) -> None:
    cat = await catalog.make(status)
    response = await catalog.client.get(f"{INTERNAL}/{cat['id']}", headers=bearer(service_token))
    assert (response.status_code, response.json()) == (200, cat)
    assert response.json()["endpoint_url"]


async def test_an_unknown_cat_is_not_found(catalog: Catalog, service_token: str) -> None:
    response = await catalog.client.get(f"{INTERNAL}/{uuid4()}", headers=bearer(service_token))
    assert is_problem(response, 404, "cat_not_found")


async def test_a_cat_is_found_only_by_its_id(catalog: Catalog, service_token: str) -> None:
    cat = await catalog.make()
    for reference in (cat["slug"], "%00"):
        response = await catalog.client.get(
            f"{INTERNAL}/{reference}", headers=bearer(service_token)
        )
        assert is_problem(response, 422, "invalid_request")


async def test_another_service_token_is_refused(catalog: Catalog, service_token: str) -> None:
    cat = await catalog.make()
    for token in (service_token[:-1], service_token + "x", ""):
        response = await catalog.client.get(f"{INTERNAL}/{cat['id']}", headers=bearer(token))
        assert is_problem(response, 401, "unauthenticated")
