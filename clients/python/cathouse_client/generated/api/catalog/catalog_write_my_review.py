from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...models.new_review import NewReview
from ...models.review_body import ReviewBody


def request(
    cat_id: UUID,
    *,
    body: NewReview,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/api/v1/catalog/cats/{cat_id}/reviews/mine".format(
            cat_id=quote(str(cat_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> ReviewBody:
    if response.status_code == 200:
        response_200 = ReviewBody.from_dict(response.json())

        return response_200

    if response.status_code == 201:
        response_201 = ReviewBody.from_dict(response.json())

        return response_201

    raise ValueError(f"status {response.status_code} is not described")
