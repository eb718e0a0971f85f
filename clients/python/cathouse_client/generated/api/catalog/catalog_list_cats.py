from typing import Any

import httpx

from ...models.cat_sort import CatSort
from ...models.cat_status import CatStatus
from ...models.page_listed_cat import PageListedCat
from ...types import UNSET, Unset


def request(
    *,
    limit: int | Unset = 20,
    cursor: None | str | Unset = UNSET,
    q: None | str | Unset = UNSET,
    category: None | str | Unset = UNSET,
    featured: bool | None | Unset = UNSET,
    sort: CatSort | None | Unset = UNSET,
    status: CatStatus | None | Unset = UNSET,
    mine: bool | Unset = False,
    endpoint_pending: bool | Unset = False,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["limit"] = limit

    json_cursor: None | str | Unset
    if isinstance(cursor, Unset):
        json_cursor = UNSET
    else:
        json_cursor = cursor
    params["cursor"] = json_cursor

    json_q: None | str | Unset
    if isinstance(q, Unset):
        json_q = UNSET
    else:
        json_q = q
    params["q"] = json_q

    json_category: None | str | Unset
    if isinstance(category, Unset):
        json_category = UNSET
    else:
        json_category = category
    params["category"] = json_category

    json_featured: bool | None | Unset
    if isinstance(featured, Unset):
        json_featured = UNSET
    else:
        json_featured = featured
    params["featured"] = json_featured

    json_sort: None | str | Unset
    if isinstance(sort, Unset):
        json_sort = UNSET
    elif isinstance(sort, CatSort):
        json_sort = sort.value
    else:
        json_sort = sort
    params["sort"] = json_sort

    json_status: None | str | Unset
    if isinstance(status, Unset):
        json_status = UNSET
    elif isinstance(status, CatStatus):
        json_status = status.value
    else:
        json_status = status
    params["status"] = json_status

    params["mine"] = mine

    params["endpoint_pending"] = endpoint_pending

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/catalog/cats",
        "params": params,
    }

    return _kwargs


def parse(response: httpx.Response) -> PageListedCat:
    if response.status_code == 200:
        response_200 = PageListedCat.from_dict(response.json())

        return response_200

    raise ValueError(f"status {response.status_code} is not described")
