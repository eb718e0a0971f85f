from typing import Any

import httpx

from ...models.person_body import PersonBody
from ...models.registration import Registration


def request(
    *,
    body: Registration,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/auth/register",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> PersonBody:
    if response.status_code == 201:
        response_201 = PersonBody.from_dict(response.json())

        return response_201

    raise ValueError(f"status {response.status_code} is not described")
