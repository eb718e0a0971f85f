from typing import Any
from uuid import uuid4

import httpx

from ...models.adoption import Adoption
from ...models.installation_with_credential import InstallationWithCredential
from ...types import UNSET, Unset


def request(
    *,
    body: Adoption,
    idempotency_key: None | str | Unset = UNSET,
) -> dict[str, Any]:
    if not isinstance(idempotency_key, str):
        # With a key, the layer by hand may send the request again.
        idempotency_key = str(uuid4())
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/installations",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def parse(response: httpx.Response) -> InstallationWithCredential:
    if response.status_code == 201:
        response_201 = InstallationWithCredential.from_dict(response.json())

        return response_201

    raise ValueError(f"status {response.status_code} is not described")
