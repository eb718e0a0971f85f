from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...models.installation_body import InstallationBody
from ...models.scopes_change import ScopesChange


def request(
    installation_id: UUID,
    *,
    body: ScopesChange,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/api/v1/installations/{installation_id}/scopes".format(
            installation_id=quote(str(installation_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> InstallationBody:
    if response.status_code == 200:
        response_200 = InstallationBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
