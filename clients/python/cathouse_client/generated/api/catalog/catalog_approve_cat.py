from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...models.cat_body import CatBody


def request(
    cat_id: UUID,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/catalog/cats/{cat_id}/approve".format(
            cat_id=quote(str(cat_id), safe=""),
        ),
    }

    return _kwargs


def parse(response: httpx.Response) -> CatBody:
    if response.status_code == 200:
        response_200 = CatBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
