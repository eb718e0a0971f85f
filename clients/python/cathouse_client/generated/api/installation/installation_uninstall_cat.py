from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx


def request(
    installation_id: UUID,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/api/v1/installations/{installation_id}".format(
            installation_id=quote(str(installation_id), safe=""),
        ),
    }

    return _kwargs


def parse(response: httpx.Response) -> None:
    if response.status_code == 204:
        return None

    raise ValueError(f"status {response.status_code} is not described")
