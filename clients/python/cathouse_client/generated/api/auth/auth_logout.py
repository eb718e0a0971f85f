from typing import Any

import httpx

from ...models.refresh_request import RefreshRequest


def request(
    *,
    body: RefreshRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/auth/logout",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> None:
    if response.status_code == 204:
        return None

    raise ValueError(f"status {response.status_code} is not described")
