"""Parameters that several routes share."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path

from cathouse_catalog.services.errors import CatNotFound
from cathouse_catalog.services.slugs import is_slug, uuid_or_none

CatId = Annotated[UUID, Path(description="The cat's id")]

# For routes with an optional access token. In OpenAPI, an empty security requirement means that no token is needed.
OPTIONAL_SIGN_IN: dict[str, Any] = {"security": [{}]}


async def _cat_reference(
    cat_id: Annotated[str, Path(description="The cat's id or its slug", examples=["task-keeper"])],
) -> UUID | str:
    reference = uuid_or_none(cat_id) or cat_id
    if isinstance(reference, str) and not is_slug(reference):
        raise CatNotFound
    return reference


CatReference = Annotated[UUID | str, Depends(_cat_reference)]
"""The `{cat_id}` of routes that accept an id or a slug. Raises `CatNotFound` for a text that is neither."""
