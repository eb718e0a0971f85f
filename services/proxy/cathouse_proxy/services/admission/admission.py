"""Check whether a call may be made, in the order of the contract."""

import re
from dataclasses import dataclass
from uuid import UUID

from cathouse_kit.addresses import network_of
from cathouse_kit.problems import BodyTooLarge, TooManyRequests, Unauthenticated
from cathouse_kit.rate_limits import RateLimiter, Window
from cathouse_kit.revocations import AccountDisabled, Revocations
from cathouse_kit.service_client import PeerUnavailable
from cathouse_kit.tokens import KeySource, verify_access_token
from limits import RateLimitItem
from starlette.types import Scope

from cathouse_proxy.services.admission.breaker import CircuitBreaker, Permit
from cathouse_proxy.services.admission.lookups import Cat, Installation, Lookups
from cathouse_proxy.services.admission.scopes import opening_scopes
from cathouse_proxy.services.admission.targets import Target, parse_target
from cathouse_proxy.services.audit.writer import CallRecord
from cathouse_proxy.services.errors import (
    CatSuspended,
    InstallationNotFound,
    InstallationPaused,
    InstallationUninstalled,
    OwnerDisabled,
    RequestRefused,
    ScopeMissing,
    UnknownCredential,
)
from cathouse_proxy.services.exchange.headers import check_request_headers

PREFIX = "/api/v1/proxy"

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_BEARER = re.compile(
    rb"bearer +([A-Za-z0-9._~+/=-]{1,4096})", re.IGNORECASE
)  # RFC 6750, section 2.1
_MAX_CREDENTIAL_LENGTH = 256
_MAX_REFUSED_PATH_BYTES = 512


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as the server received it."""

    method: str
    installation_id: str
    """As it stands in the path, which may be no id at all."""
    raw_path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    scheme: str
    client: str | None

    @classmethod
    def of(cls, scope: Scope) -> "Incoming":
        return cls(
            method=scope["method"],
            installation_id=scope["path_params"]["installation_id"],
            raw_path=scope["raw_path"],
            query=scope["query_string"],
            headers=list(scope["headers"]),
            scheme=scope["scheme"],
            client=scope["client"][0] if scope["client"] else None,
        )

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    @property
    def announced_bytes(self) -> int | None:
        """How long the body is, where the caller says so; the server has checked that it is a number."""
        return next(map(int, self.values(b"content-length")), None)

    @property
    def has_body(self) -> bool:
        return bool(self.announced_bytes) or bool(self.values(b"transfer-encoding"))

    @property
    def raw_target(self) -> str:
        """The path as it is stored of a call that is refused: cut, and in ASCII."""
        below = self.raw_path.removeprefix(f"{PREFIX}/{self.installation_id}".encode())
        text = below[:_MAX_REFUSED_PATH_BYTES].decode("ascii", "backslashreplace")
        return text.replace("\0", "\\0")[:_MAX_REFUSED_PATH_BYTES]

    def target(self) -> Target:
        """Raises `RequestRefused` and `TargetTooLong`."""
        prefix = f"{PREFIX}/{self.installation_id}/".encode()
        if not self.raw_path.startswith(prefix):
            raise RequestRefused("What stands before the cat's own path must not be encoded.")
        return parse_target(self.raw_path.removeprefix(prefix), self.query)


@dataclass(frozen=True, slots=True)
class Admission:
    """A call that may be made."""

    installation: Installation
    cat: Cat
    target: Target
    scopes: list[str]
    """The granted scopes that open it."""
    permit: Permit


class AdmissionControl:
    """The checks. What they find out goes into the call's record, for the audit."""

    def __init__(
        self,
        *,
        keys: KeySource,
        revocations: Revocations,
        lookups: Lookups,
        rate_limits: RateLimiter,
        limit: RateLimitItem,
        unidentified_limit: RateLimitItem,
        breaker: CircuitBreaker,
        max_request_bytes: int,
    ) -> None:
        self._keys = keys
        self._revocations = revocations
        self._lookups = lookups
        self._rate_limits = rate_limits
        self._limit = limit
        self._unidentified_limit = unidentified_limit
        self._breaker = breaker
        self._max_request_bytes = max_request_bytes

    async def admit(self, request: Incoming, call: CallRecord) -> Admission:
        """Raises the `Problem` of the first check that fails. The order is part of the contract.

        `call` has an installation from the moment on when it is known that the caller may use it, or, while
        installation is down, that they might when it last answered.
        """
        installation = await self._identify(request, call)
        call.installation_id = installation.installation_id
        call.user_id, call.cat_id = installation.user_id, installation.cat_id
        if not self._revocations.is_active(installation.user_id):
            raise OwnerDisabled
        _check_status(installation)
        cat = await self._published_cat(installation.cat_id)
        target = self._check_request(request)
        call.path = target.path[:_MAX_REFUSED_PATH_BYTES]
        scopes = _check_scopes(installation, cat, request.method, target, call)
        call.window = await self._count(installation.installation_id)
        if not call.window.allowed:
            raise TooManyRequests(
                call.window.reset_seconds, "This installation has called its cat too often."
            )
        permit = self._breaker.enter(cat.id, installation.user_id)
        return Admission(installation, cat, target, scopes, permit)

    async def _identify(self, request: Incoming, call: CallRecord) -> Installation:
        """Return the installation in the path, if the caller has its credential or is its owner.

        Only refused calls count for the limit of their address, so that a stranger cannot lock out others behind it.
        """
        try:
            return await self._authenticate(request, call)
        except (Unauthenticated, AccountDisabled, InstallationNotFound):
            address = network_of(request.client) if request.client else "unknown"
            window = await self._rate_limits.hit(
                self._unidentified_limit, "unidentified calls", address
            )
            if not window.allowed:
                raise TooManyRequests(
                    window.reset_seconds,
                    "This address has made too many calls without a valid credential. Check the credential, and "
                    "try again after the seconds in Retry-After.",
                ) from None
            raise

    async def _authenticate(self, request: Incoming, call: CallRecord) -> Installation:
        asked = UUID(request.installation_id) if _UUID.fullmatch(request.installation_id) else None
        token = _bearer_token(request)
        # A JWT has two dots (RFC 7515, section 3.1), a credential has none.
        if token.count(".") == 2:
            person = await verify_access_token(token, self._keys, self._revocations)
            installation = await self._of_owner(person.id, asked, call) if asked else None
            if installation is None or installation.user_id != person.id:
                raise InstallationNotFound
            return installation
        known = len(token) <= _MAX_CREDENTIAL_LENGTH
        installation = await self._of_credential(token, asked, call) if known else None
        if installation is None:
            raise UnknownCredential
        if installation.installation_id != asked:
            raise InstallationNotFound
        return installation

    async def _of_owner(
        self, person_id: UUID, asked: UUID, call: CallRecord
    ) -> Installation | None:
        try:
            return await self._lookups.installation(asked, used_by=person_id)
        except PeerUnavailable:
            last = self._lookups.last_known(asked)
            if last and last.user_id == person_id:
                call.installation_id, call.user_id, call.cat_id = last
            raise

    async def _of_credential(
        self, credential: str, asked: UUID | None, call: CallRecord
    ) -> Installation | None:
        try:
            return await self._lookups.installation_of_credential(credential)
        except PeerUnavailable:
            last = self._lookups.last_known(credential)
            if last and last.installation_id == asked:
                call.installation_id, call.user_id, call.cat_id = last
            raise

    async def _published_cat(self, cat_id: UUID) -> Cat:
        cat = await self._lookups.cat(cat_id)
        if cat is None or cat.status != "published":
            raise CatSuspended
        return cat

    def _check_request(self, request: Incoming) -> Target:
        check_request_headers(request.headers)
        if (request.announced_bytes or 0) > self._max_request_bytes:
            raise BodyTooLarge(self._max_request_bytes)
        return request.target()

    async def _count(self, installation_id: UUID) -> Window:
        return await self._rate_limits.hit(self._limit, "proxied calls", str(installation_id))


def _bearer_token(request: Incoming) -> str:
    values = request.values(b"authorization")
    match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise Unauthenticated(
            "This needs the installation's credential or its owner's access token, once: "
            "Authorization: Bearer TOKEN."
        )
    return match[1].decode("ascii")


def _check_status(installation: Installation) -> None:
    if installation.status == "paused":
        raise InstallationPaused
    if installation.status != "active":
        raise InstallationUninstalled


def _check_scopes(
    installation: Installation, cat: Cat, method: str, target: Target, call: CallRecord
) -> list[str]:
    opening = opening_scopes(cat.scopes, method, target.segments)
    granted = [name for name in opening if name in installation.granted_scopes]
    call.scope = " ".join(granted or opening) or None
    if granted:
        return granted
    # `scope` is a list as RFC 6750, section 3.1, writes it.
    if opening:
        raise ScopeMissing(
            f"{method} {target.path} needs the scope {' or '.join(opening)}, which this installation "
            "has not been granted.",
            scope=call.scope,
        )
    raise ScopeMissing(f"No scope of this cat opens {method} {target.path}.", scope=None)
