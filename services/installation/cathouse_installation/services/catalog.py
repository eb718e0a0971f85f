"""Requests to the catalog for the manifest of a cat."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from cathouse_kit.revocations import Revocations
from cathouse_kit.service_client import PeerUnavailable, ServiceClient
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cathouse_installation.services.errors import CatNotFound, DeveloperDisabled, InvalidScopes


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("has a NUL, which PostgreSQL cannot store")
    text.encode()  # raises UnicodeEncodeError, a ValueError, for an unpaired surrogate
    return text


# Not `Line`, because cats may have names from before its rules.
_Stored = Annotated[str, Field(min_length=1), AfterValidator(_storable)]
_Text = Annotated[_Stored, Field(max_length=100)]


class DeclaredScope(BaseModel):
    """A permission that a manifest declares."""

    name: _Text
    required: bool


class Manifest(BaseModel):
    """The fields of a cat in the catalog that installation needs."""

    model_config = ConfigDict(hide_input_in_errors=True)

    id: UUID
    developer_id: UUID
    name: _Stored
    status: str
    version: _Text
    scopes: list[DeclaredScope]

    @property
    def published(self) -> bool:
        return self.status == "published"

    def grant(self, asked: Iterable[str]) -> list[str]:
        """Return the requested scopes, each once, in the manifest's order.

        Raises `InvalidScopes`, which names each undeclared scope, and each required scope that is missing.
        """
        asked = set(asked)
        undeclared = asked - {scope.name for scope in self.scopes}
        missing = [s.name for s in self.scopes if s.required and s.name not in asked]
        if undeclared or missing:
            raise InvalidScopes(
                errors=[
                    _error("undeclared_scope", f"{name} is not a scope of this cat")
                    for name in sorted(undeclared)
                ]
                + [
                    _error("required_scope_missing", f"{name} is required by this cat")
                    for name in missing
                ]
            )
        return [scope.name for scope in self.scopes if scope.name in asked]


def _error(kind: str, msg: str) -> dict[str, object]:
    return {"loc": ["body", "granted_scopes"], "msg": msg, "type": kind}


class Catalog:
    """Client of the catalog."""

    def __init__(self, client: ServiceClient, revocations: Revocations) -> None:
        self._client = client
        self._revocations = revocations

    async def manifest(self, cat_id: UUID) -> Manifest:
        """Return the current manifest of a cat, published or not.

        Raises `CatNotFound`. Raises `PeerUnavailable` if the catalog is down or slow, or its response is not a valid
        manifest of this cat.
        """
        response = await self._client.request("GET", f"/api/v1/catalog/internal/cats/{cat_id}")
        if response.status_code == 404:
            raise CatNotFound
        manifest = self._client.read(response, Manifest)
        if manifest.id != cat_id:
            raise PeerUnavailable(self._client.name)
        return manifest

    def check_developer(self, manifest: Manifest) -> None:
        """Raise `DeveloperDisabled` if the cat's developer is disabled.

        Raises `PeerUnavailable` if auth's list of disabled accounts was never fetched.
        """
        if not self._revocations.is_active(manifest.developer_id):
            raise DeveloperDisabled
