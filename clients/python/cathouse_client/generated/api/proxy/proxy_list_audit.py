from typing import Any
from uuid import UUID

import httpx

from ...models.page_proxied_call_body import PageProxiedCallBody
from ...types import UNSET, Unset


def request(
    *,
    limit: int | Unset = 20,
    cursor: None | str | Unset = UNSET,
    installation_id: None | Unset | UUID = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["limit"] = limit

    json_cursor: None | str | Unset
    if isinstance(cursor, Unset):
        json_cursor = UNSET
    else:
        json_cursor = cursor
    params["cursor"] = json_cursor

    json_installation_id: None | str | Unset
    if isinstance(installation_id, Unset):
        json_installation_id = UNSET
    elif isinstance(installation_id, UUID):
        json_installation_id = str(installation_id)
    else:
        json_installation_id = installation_id
    params["installation_id"] = json_installation_id

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/proxy/audit",
        "params": params,
    }

    return _kwargs


def parse(response: httpx.Response) -> PageProxiedCallBody:
    if response.status_code == 200:
        response_200 = PageProxiedCallBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
