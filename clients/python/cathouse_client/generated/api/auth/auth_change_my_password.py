from typing import Any

import httpx

from ...models.password_change import PasswordChange


def request(
    *,
    body: PasswordChange,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/auth/me/password",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> None:
    if response.status_code == 204:
        return None

    raise ValueError(f"status {response.status_code} is not described")
