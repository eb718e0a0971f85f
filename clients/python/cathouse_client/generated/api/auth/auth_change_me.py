from typing import Any

import httpx

from ...models.person_body import PersonBody
from ...models.profile_change import ProfileChange


def request(
    *,
    body: ProfileChange,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/api/v1/auth/me",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> PersonBody:
    if response.status_code == 200:
        response_200 = PersonBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
