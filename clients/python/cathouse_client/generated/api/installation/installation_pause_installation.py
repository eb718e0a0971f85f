from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...models.installation_body import InstallationBody


def request(
    installation_id: UUID,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/installations/{installation_id}/pause".format(
            installation_id=quote(str(installation_id), safe=""),
        ),
    }

    return _kwargs


def parse(response: httpx.Response) -> InstallationBody:
    if response.status_code == 200:
        response_200 = InstallationBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
