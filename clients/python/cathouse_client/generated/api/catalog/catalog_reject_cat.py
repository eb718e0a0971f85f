from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...models.cat_body import CatBody
from ...models.rejection import Rejection


def request(
    cat_id: UUID,
    *,
    body: Rejection,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/catalog/cats/{cat_id}/reject".format(
            cat_id=quote(str(cat_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> CatBody:
    if response.status_code == 200:
        response_200 = CatBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
