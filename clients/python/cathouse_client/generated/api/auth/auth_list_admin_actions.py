from typing import Any
from uuid import UUID

import httpx

from ...models.page_admin_action_body import PageAdminActionBody
from ...types import UNSET, Unset


def request(
    *,
    limit: int | Unset = 20,
    cursor: None | str | Unset = UNSET,
    admin_id: None | Unset | UUID = UNSET,
    subject_id: None | Unset | UUID = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["limit"] = limit

    json_cursor: None | str | Unset
    if isinstance(cursor, Unset):
        json_cursor = UNSET
    else:
        json_cursor = cursor
    params["cursor"] = json_cursor

    json_admin_id: None | str | Unset
    if isinstance(admin_id, Unset):
        json_admin_id = UNSET
    elif isinstance(admin_id, UUID):
        json_admin_id = str(admin_id)
    else:
        json_admin_id = admin_id
    params["admin_id"] = json_admin_id

    json_subject_id: None | str | Unset
    if isinstance(subject_id, Unset):
        json_subject_id = UNSET
    elif isinstance(subject_id, UUID):
        json_subject_id = str(subject_id)
    else:
        json_subject_id = subject_id
    params["subject_id"] = json_subject_id

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/auth/admin-actions",
        "params": params,
    }

    return _kwargs


def parse(response: httpx.Response) -> PageAdminActionBody:
    if response.status_code == 200:
        response_200 = PageAdminActionBody.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
