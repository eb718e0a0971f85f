from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx


def request(
    cat_id: UUID,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/api/v1/catalog/cats/{cat_id}/reviews/mine".format(
            cat_id=quote(str(cat_id), safe=""),
        ),
    }

    return _kwargs


def parse(response: httpx.Response) -> None:
    if response.status_code == 204:
        return None

    raise ValueError(f"status {response.status_code} is not described")
