"""The checks of a call, in the order of the contract."""

import re
from uuid import UUID

from cathouse_kit.addresses import network_of
from cathouse_kit.problems import BodyTooLarge, TooManyRequests, Unauthenticated
from cathouse_kit.rate_limits import RateLimiter
from cathouse_kit.revocations import AccountDisabled, Revocations
from cathouse_kit.service_client import PeerUnavailable
from cathouse_kit.tokens import KeySource, verify_access_token
from cathouse_platform.platform import PLATFORM
from limits import RateLimitItem

from cathouse_proxy.services.admission.breaker import CircuitBreaker
from cathouse_proxy.services.admission.lookups import Installation, Lookups
from cathouse_proxy.services.admission.scopes import opening_scopes
from cathouse_proxy.services.call import MAX_REFUSED_PATH_BYTES, Call, ProxiedRequest
from cathouse_proxy.services.errors import (
    CatSuspended,
    InstallationNotFound,
    InstallationPaused,
    InstallationUninstalled,
    OwnerDisabled,
    ScopeMissing,
    UnknownCredential,
)
from cathouse_proxy.services.exchange.headers import check_request_headers

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_BEARER = re.compile(
    rb"bearer +([A-Za-z0-9._~+/=-]{1,4096})", re.IGNORECASE
)  # RFC 6750, section 2.1
_MAX_CREDENTIAL_LENGTH = 256


class AdmissionControl:
    """Checks a call. The results are stored in the call, and from there in the audit."""

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

    async def admit(self, call: Call) -> None:
        """Admit the call, or raise the `Problem` of the first check that fails. The order is part of the contract.

        The call's record gets the installation as soon as the caller is known to have access to it. While installation
        is down, the record gets the installation that the caller last had access to.
        """
        request, record = call.request, call.record
        installation = await self._identify(call)
        record.attribute_to(installation)
        if not self._revocations.is_active(installation.user_id):
            raise OwnerDisabled
        if installation.status == "paused":
            raise InstallationPaused
        if installation.status != "active":
            raise InstallationUninstalled
        cat = await self._lookups.cat(installation.cat_id)
        if cat is None or cat.status != "published":
            raise CatSuspended

        check_request_headers(request.headers)
        if (request.announced_bytes or 0) > self._max_request_bytes:
            raise BodyTooLarge(self._max_request_bytes)
        target = request.target()
        record.path = target.path[:MAX_REFUSED_PATH_BYTES]

        opening = opening_scopes(cat.scopes, request.method, target.segments)
        granted = [name for name in opening if name in installation.granted_scopes]
        record.scope = " ".join(granted or opening) or None
        if not granted:
            raise _scope_missing(f"{request.method} {target.path}", opening)

        call.window = await self._rate_limits.hit(
            self._limit, "proxied calls", str(installation.installation_id)
        )
        if not call.window.allowed:
            raise TooManyRequests(
                call.window.reset_seconds,
                "This installation called its cat too often. Try again after the seconds in Retry-After.",
            )
        call.permit = self._breaker.enter(cat.id, installation.user_id)
        call.installation, call.cat, call.target, call.scopes = installation, cat, target, granted
        record.path = target.path

    async def _identify(self, call: Call) -> Installation:
        """Return the installation in the path, if the caller has its credential or is its owner.

        Only refused calls count for the limit of an address. So an attacker cannot block valid callers behind the same
        address.
        """
        try:
            token = _bearer_token(call.request)
            # A JWT has two dots (RFC 7515, section 3.1), a credential has none.
            if token.count(".") == 2:
                return await self._of_owner(call, token)
            return await self._of_credential(call, token)
        except (Unauthenticated, AccountDisabled, InstallationNotFound):
            address = network_of(call.request.client) if call.request.client else "unknown"
            window = await self._rate_limits.hit(
                self._unidentified_limit, "unidentified calls", address
            )
            if not window.allowed:
                raise TooManyRequests(
                    window.reset_seconds,
                    "This address made too many calls without a valid credential. Check the credential, and "
                    "try again after the seconds in Retry-After.",
                ) from None
            raise

    async def _of_owner(self, call: Call, token: str) -> Installation:
        person = await verify_access_token(token, PLATFORM, self._keys, self._revocations)
        asked = _installation_id(call.request)
        if asked is None:
            raise InstallationNotFound
        try:
            installation = await self._lookups.installation(asked, used_by=person.id)
        except PeerUnavailable:
            last = self._lookups.last_known(asked)
            if last and last.user_id == person.id:
                call.record.attribute_to(last)
            raise
        if installation is None or installation.user_id != person.id:
            raise InstallationNotFound
        return installation

    async def _of_credential(self, call: Call, credential: str) -> Installation:
        if len(credential) > _MAX_CREDENTIAL_LENGTH:
            raise UnknownCredential
        asked = _installation_id(call.request)
        try:
            installation = await self._lookups.installation_of_credential(credential)
        except PeerUnavailable:
            last = self._lookups.last_known(credential)
            if last and last.installation_id == asked:
                call.record.attribute_to(last)
            raise
        if installation is None:
            raise UnknownCredential
        if installation.installation_id != asked:
            raise InstallationNotFound
        return installation


def _bearer_token(request: ProxiedRequest) -> str:
    values = request.values(b"authorization")
    match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise Unauthenticated(
            "Send the installation's credential or its owner's access token in exactly one header: "
            "Authorization: Bearer TOKEN."
        )
    return match[1].decode("ascii")


def _installation_id(request: ProxiedRequest) -> UUID | None:
    text = request.installation_id
    return UUID(text) if _UUID.fullmatch(text) else None


def _scope_missing(request: str, opening: list[str]) -> ScopeMissing:
    if not opening:
        return ScopeMissing(
            f"No scope of this cat allows {request}. Check the method and the path.", scope=None
        )
    # RFC 6750, section 3.1: `scope` is a list, separated by spaces.
    return ScopeMissing(
        f"{request} needs the scope {' or '.join(opening)}. The owner has not granted it to this installation.",
        scope=" ".join(opening),
    )
