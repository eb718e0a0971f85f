from typing import Any
from urllib.parse import quote

import httpx

from ...models.page_review_body import PageReviewBody
from ...types import UNSET, Unset


def request(
    cat_id: str,
    *,
    limit: int | Unset = 20,
    cursor: None | str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["limit"] = limit

    json_cursor: None | str | Unset
    if isinstance(cursor, Unset):
        json_cursor = UNSET
    else:
        json_cursor = cursor
    params["cursor"] = json_cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/catalog/cats/{cat_id}/reviews".format(
            cat_id=quote(str(cat_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def parse(response: httpx.Response) -> PageReviewBody:
    if response.status_code == 200:
        response_200 = PageReviewBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
