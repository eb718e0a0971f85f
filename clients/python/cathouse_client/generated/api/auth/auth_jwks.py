from typing import Any

import httpx

from ...models.key_set import KeySet


def request() -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/auth/jwks",
    }

    return _kwargs


def parse(response: httpx.Response) -> KeySet:
    if response.status_code == 200:
        response_200 = KeySet.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
