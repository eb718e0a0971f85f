from typing import Any

import httpx

from ...models.person_body import PersonBody


def request() -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/auth/me",
    }

    return _kwargs


def parse(response: httpx.Response) -> PersonBody:
    if response.status_code == 200:
        response_200 = PersonBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
