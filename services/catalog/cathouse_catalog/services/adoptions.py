"""Requests to installation about adoptions."""

from uuid import UUID

from cathouse_kit.service_client import ServiceClient
from pydantic import BaseModel


class _Answer(BaseModel):
    adopted: bool


class Adoptions:
    """Client of installation. Its route reads only its own database, so no request waits for itself."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def has_adopted(self, user_id: UUID, cat_id: UUID) -> bool:
        """Return whether the player has, or once had, an installation of the cat. Raises `PeerUnavailable`."""
        path = f"/api/v1/installations/internal/adoptions?user_id={user_id}&cat_id={cat_id}"
        response = await self._client.request("GET", path)
        return self._client.read(response, _Answer).adopted
