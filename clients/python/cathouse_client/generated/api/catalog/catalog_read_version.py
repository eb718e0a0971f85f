from typing import Any
from urllib.parse import quote

import httpx

from ...models.version_body import VersionBody


def request(
    cat_id: str,
    version: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/catalog/cats/{cat_id}/versions/{version}".format(
            cat_id=quote(str(cat_id), safe=""),
            version=quote(str(version), safe=""),
        ),
    }

    return _kwargs


def parse(response: httpx.Response) -> VersionBody:
    if response.status_code == 200:
        response_200 = VersionBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
