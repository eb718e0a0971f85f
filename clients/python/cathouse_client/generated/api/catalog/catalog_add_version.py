from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...models.new_version import NewVersion
from ...models.version_body import VersionBody


def request(
    cat_id: UUID,
    *,
    body: NewVersion,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/catalog/cats/{cat_id}/versions".format(
            cat_id=quote(str(cat_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> VersionBody:
    if response.status_code == 201:
        response_201 = VersionBody.from_dict(response.json())

        return response_201

    raise ValueError(f"status {response.status_code} is not described")
