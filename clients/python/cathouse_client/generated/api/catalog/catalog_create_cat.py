from typing import Any

import httpx

from ...models.cat_body import CatBody
from ...models.new_cat import NewCat


def request(
    *,
    body: NewCat,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/catalog/cats",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> CatBody:
    if response.status_code == 201:
        response_201 = CatBody.from_dict(response.json())

        return response_201

    raise ValueError(f"status {response.status_code} is not described")
