"""Requests to installation and catalog: permissions of an installation, and manifest of a cat."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from cathouse_kit.service_client import PeerUnavailable, ServiceClient
from pydantic import BaseModel

from cathouse_proxy.services.admission.scopes import Route, Scope
from cathouse_proxy.services.admission.ttl_cache import TTLCache

_VERIFY = "/api/v1/installations/internal/verify"
_CAT = "/api/v1/catalog/internal/cats/{}"
_MOST_LAST_KNOWN = 10_000


class Installation(BaseModel):
    """The response of installation's route `/internal/verify`."""

    installation_id: UUID
    user_id: UUID
    cat_id: UUID
    status: str
    granted_scopes: frozenset[str]


class Whose(NamedTuple):
    """The installation of a call, as the audit records it."""

    installation_id: UUID
    user_id: UUID
    cat_id: UUID


@dataclass(frozen=True, slots=True)
class Cat:
    """The fields of a cat that a call needs."""

    id: UUID
    status: str
    endpoint_url: str
    scopes: tuple[Scope, ...]


class _RouteBody(BaseModel):
    methods: list[str]
    path: str


class _ScopeBody(BaseModel):
    name: str
    routes: list[_RouteBody]


class _CatBody(BaseModel):
    id: UUID
    status: str
    endpoint_url: str
    scopes: list[_ScopeBody]


B = TypeVar("B", bound=BaseModel)


class Lookups:
    """Client of installation and catalog. Responses are cached for half a second.

    Every coroutine raises `PeerUnavailable` if the service is down or slow, or sends an invalid response.
    """

    def __init__(
        self, installation: ServiceClient, catalog: ServiceClient, clock: Callable[[], float]
    ) -> None:
        self._installation = installation
        self._catalog = catalog
        self._by_credential = TTLCache(self._ask_by_credential, clock)
        self._by_id = TTLCache(self._ask_by_id, clock)
        self._cats = TTLCache(self._ask_for_cat, clock)
        # By id, or by the hash of a credential. The entry that was requested longest ago comes first.
        self._last_known: dict[UUID | bytes, Whose] = {}

    async def installation_of_credential(self, credential: str) -> Installation | None:
        if not self._by_credential.begin(credential).done():
            self._begin_for_cat(credential)
        return await self._by_credential.get(credential)

    async def installation(
        self, installation_id: UUID, *, used_by: UUID | None = None
    ) -> Installation | None:
        """Return the installation with this id, or None.

        `used_by` is the person who calls its cat. Without it, `last_used_at` of the installation is not updated.
        """
        if not self._by_id.begin((installation_id, used_by)).done() and used_by:
            self._begin_for_cat(installation_id)
        return await self._by_id.get((installation_id, used_by))

    def last_known(self, asked: UUID | str) -> Whose | None:
        """Return the last known installation of an id or a credential, or None.

        Use it only for the audit while installation is down. It gives no access: the credential may have been replaced.
        """
        return self._last_known.get(asked if isinstance(asked, UUID) else _hash(asked))

    def _begin_for_cat(self, asked: UUID | str) -> None:
        # The cat of an installation never changes. If it is known, request both services at the same time.
        if last := self.last_known(asked):
            self._cats.begin(last.cat_id)

    async def cat(self, cat_id: UUID) -> Cat | None:
        return await self._cats.get(cat_id)

    async def _ask_by_credential(self, credential: str) -> Installation | None:
        # installation returns 422 for a text that cannot be a credential.
        found = await self._verify({"credential": credential}, absent=(404, 422))
        self._remember(_hash(credential), found)
        return found

    async def _ask_by_id(self, asked: tuple[UUID, UUID | None]) -> Installation | None:
        installation_id, used_by = asked
        body = {"installation_id": str(installation_id)}
        found = await self._verify(body, absent=(404,), used_by=used_by)
        if found is not None and found.installation_id != installation_id:
            raise PeerUnavailable(self._installation.name)
        self._remember(installation_id, found)
        return found

    def _remember(self, asked: UUID | bytes, found: Installation | None) -> None:
        self._last_known.pop(asked, None)
        if found is not None:
            self._last_known[asked] = Whose(found.installation_id, found.user_id, found.cat_id)
            if len(self._last_known) > _MOST_LAST_KNOWN:
                del self._last_known[next(iter(self._last_known))]

    async def _verify(
        self, body: Any, absent: tuple[int, ...], used_by: UUID | None = None
    ) -> Installation | None:
        path = f"{_VERIFY}?used_by={used_by}" if used_by else _VERIFY
        response = await self._installation.request("POST", path, json=body, idempotent=True)
        if response.status_code in absent:
            return None
        return self._installation.read(response, Installation)

    async def _ask_for_cat(self, cat_id: UUID) -> Cat | None:
        response = await self._catalog.request("GET", _CAT.format(cat_id))
        if response.status_code == 404:
            return None
        body = self._catalog.read(response, _CatBody)
        if body.id != cat_id:
            raise PeerUnavailable(self._catalog.name)
        return Cat(
            id=body.id,
            status=body.status,
            endpoint_url=body.endpoint_url,
            scopes=tuple(
                Scope(scope.name, tuple(Route.of(r.methods, r.path) for r in scope.routes))
                for scope in body.scopes
            ),
        )


def _hash(credential: str) -> bytes:
    # The hash is kept longer than the call lasts, so do not keep the credential itself.
    return hashlib.sha256(credential.encode()).digest()
