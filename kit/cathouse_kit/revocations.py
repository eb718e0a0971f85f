"""Revocations: the people with revoked access tokens, as the identity service lists them.

Every other service keeps a copy of the list in memory, and requests its changes several times a second. A check costs a
lookup in a dictionary. While the identity service is down, the last known copy applies. A process without a copy
refuses the requests of people.
"""

import asyncio
import math
import random
import time
from contextlib import suppress
from uuid import UUID

from loguru import logger
from pydantic import Field

from cathouse_kit.problems import Forbidden, Unauthenticated
from cathouse_kit.schemas import ResponseBody, Timestamp
from cathouse_kit.service_client import PeerUnavailable, ServiceClient

PAGE_ENTRIES = 1000

# The time between polls, with a jitter of a fifth. A change is known after at most 0.36 s and a round trip. A poll
# without a response adds half a second, which is still within the promised second.
POLL_SECONDS = 0.3
# Services start together. In its first seconds, a service without the list polls this often.
_FIRST_POLL_SECONDS = 0.05
_FIRST_SECONDS = 5.0
# A separate generator, so that polls do not change the random numbers of other code.
_JITTER = random.Random()  # noqa: S311 - it spreads load, and hides nothing
_RESPONSE_SECONDS = 0.5
# After a timeout, the next poll has a longer limit, because a busy service responds late.
_LONGEST_RESPONSE_SECONDS = 4.0
# The interval for reading the whole list again. This drops entries that no token needs any more, and finds entries that
# a failover of the database has undone.
RENEW_SECONDS = 60.0


class AccountDisabled(Forbidden):
    title = "Account disabled"
    detail = "This account is disabled. Ask an admin to enable it."


class RevocationEntry(ResponseBody):
    user_id: UUID
    active: bool
    not_before: Timestamp


class RevocationChanges(ResponseBody):
    """The response of {identity_service}."""

    items: list[RevocationEntry] = Field(json_schema_extra={"maxItems": PAGE_ENTRIES})
    next_since: int
    more: bool


class _Copy:
    """A copy of the list, read from its beginning. An entry needs about 200 bytes."""

    def __init__(self) -> None:
        self.not_before: dict[UUID, float] = {}
        """Unix seconds, by person; infinity for disabled people."""
        self.since = 0
        self.complete = False
        """True after the end of the list has been read once."""

    def take(self, changes: RevocationChanges) -> None:
        for entry in changes.items:
            moment = entry.not_before.timestamp() if entry.active else math.inf
            self.not_before[entry.user_id] = moment
        self.since = changes.next_since
        self.complete = self.complete or not changes.more


class Revocations:
    """A service's copy of the list. The lifespan calls `start` and `stop`."""

    def __init__(self, identity: ServiceClient, path: str) -> None:
        self._identity = identity
        self._path = path
        self._copy = _Copy()
        self._renewed: _Copy | None = None
        """The copy that will replace the current one. Each poll adds a page to it."""
        self._renewed_at = self._responded_at = time.monotonic()
        self._responding = True
        self._response_seconds = _RESPONSE_SECONDS
        self._polling: asyncio.Task[None] | None = None

    @property
    def known(self) -> bool:
        """True after the whole list has been read once."""
        return self._copy.complete

    @property
    def age_seconds(self) -> float:
        """Seconds since the last response, or since the start if there was none."""
        return time.monotonic() - self._responded_at

    def check_token(self, person_id: UUID, issued_at: float) -> None:
        """Refuse a revoked access token. `issued_at` is its `iat`, in Unix seconds.

        Raises `AccountDisabled`, `Unauthenticated` for a token from before a change of the person's role, and
        `PeerUnavailable` until the list has been read once.
        """
        not_before = self._not_before(person_id)
        if not_before == math.inf:
            raise AccountDisabled
        if issued_at < not_before:
            raise Unauthenticated(
                "This access token was revoked, because the role or the account was changed. "
                "Get a new token from /refresh, or sign in again."
            )

    def is_active(self, person_id: UUID) -> bool:
        """Return False for a disabled person. Raises `PeerUnavailable` until the list has been read once."""
        return self._not_before(person_id) != math.inf

    def _not_before(self, person_id: UUID) -> float:
        if not self._copy.complete:
            raise PeerUnavailable(self._identity.name)
        return self._copy.not_before.get(person_id, -math.inf)

    async def start(self) -> None:
        """Try to read the list once, and poll its changes until `stop`."""
        await self.poll()
        self._polling = asyncio.create_task(self._poll_until_stopped())

    async def stop(self) -> None:
        if self._polling:
            self._polling.cancel()
            with suppress(asyncio.CancelledError):
                await self._polling

    async def _poll_until_stopped(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + self._poll_seconds() * _JITTER.uniform(0.8, 1.2)
            await self.poll()
            # No pause between the pages of the first copy, because requests are refused until it is complete.
            if self.known or not self._responding:
                await asyncio.sleep(max(0.0, due - clock()))

    def _poll_seconds(self) -> float:
        starting = not self.known and self.age_seconds < _FIRST_SECONDS
        return _FIRST_POLL_SECONDS if starting else POLL_SECONDS

    async def poll(self) -> None:
        """Read the changes, and the next page of a renewed copy if there is one. Never raises."""
        try:
            await self._read(self._copy)
            if self._renewed is not None:
                await self._read(self._renewed)
        except Exception as error:  # after any error, the list stays unchanged until the next poll
            self._note_silence(error)
            return
        if not self._responding:
            logger.info(
                "revocations: {} responds again, after {:.1f} s",
                self._identity.name,
                self.age_seconds,
            )
        now = time.monotonic()
        self._responding, self._response_seconds, self._responded_at = True, _RESPONSE_SECONDS, now
        if self._renewed is None:
            if now - self._renewed_at > RENEW_SECONDS:
                self._renewed = _Copy()
        elif self._renewed.complete:
            self._copy, self._renewed, self._renewed_at = self._renewed, None, now

    def _note_silence(self, error: Exception) -> None:
        if self._responding:
            consequence = (
                "the last known list applies"
                if self.known
                else "requests that need the list are refused"
            )
            cause = error.__cause__ if isinstance(error, PeerUnavailable) else None
            logger.warning(
                "revocations: {} does not respond, {}: {!r}",
                self._identity.name,
                consequence,
                cause or error,
            )
        self._responding = False
        if isinstance(error, TimeoutError):
            self._response_seconds = min(self._response_seconds * 2, _LONGEST_RESPONSE_SECONDS)

    async def _read(self, copy: _Copy) -> None:
        async with asyncio.timeout(self._response_seconds):
            # No retry, because the next poll is one.
            response = await self._identity.request(
                "GET", f"{self._path}?since={copy.since}", idempotent=False
            )
        copy.take(self._identity.read(response, RevocationChanges))
