"""Revocations: whose powers have ended, as the identity service said a moment ago.

Every other service keeps a copy of its list in memory and asks for the changes several times a second. A request costs
a look into a dictionary. While the identity service is down, the last known copy decides. A process that never had one
refuses.
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

# From one question to the next, give or take a fifth. A change is known after 0.36 s and a round trip. A question that
# gets no answer adds half a second: even then it stays within the one second that is promised.
POLL_SECONDS = 0.3
# Services start together. Until it has the list once, a service asks this often, for the first seconds.
_FIRST_POLL_SECONDS = 0.05
_FIRST_SECONDS = 5.0
# Of its own, so that nobody's sequence of random numbers depends on when a poll is due.
_JITTER = random.Random()  # noqa: S311 - it spreads load, and hides nothing
_ANSWER_SECONDS = 0.5
# After silence the next question gets more time: a busy service answers late, and late is better than never.
_LONGEST_ANSWER_SECONDS = 4.0
# How often the whole list is read anew, beside the changes: forgets entries that no token needs any more, and finds
# what a failover of the database has taken back.
RENEW_SECONDS = 60.0


class AccountDisabled(Forbidden):
    title = "Account disabled"
    detail = "This account has been disabled; an admin can enable it."


class RevocationEntry(ResponseBody):
    user_id: UUID
    active: bool
    not_before: Timestamp


class RevocationChanges(ResponseBody):
    """What {identity_service} answers."""

    items: list[RevocationEntry] = Field(json_schema_extra={"maxItems": PAGE_ENTRIES})
    next_since: int
    more: bool


class _Copy:
    """One reading of the list, from its beginning on. An entry takes about 200 bytes."""

    def __init__(self) -> None:
        self.not_before: dict[UUID, float] = {}
        """Unix seconds, by person; infinity for those who are disabled."""
        self.since = 0
        self.complete = False
        """Whether it has reached the end of the list once."""

    def take(self, changes: RevocationChanges) -> None:
        for entry in changes.items:
            moment = entry.not_before.timestamp() if entry.active else math.inf
            self.not_before[entry.user_id] = moment
        self.since = changes.next_since
        self.complete = self.complete or not changes.more


class Revocations:
    """A service's copy of the list. `start` and `stop` belong to the lifespan."""

    def __init__(self, identity: ServiceClient, path: str) -> None:
        self._identity = identity
        self._path = path
        self._copy = _Copy()
        self._renewed: _Copy | None = None
        """The copy that is going to replace the present one; it grows by a page with each question."""
        self._renewed_at = self._answered_at = time.monotonic()
        self._answering = True
        self._answer_seconds = _ANSWER_SECONDS
        self._polling: asyncio.Task[None] | None = None

    @property
    def known(self) -> bool:
        """Whether it has ever had the whole list."""
        return self._copy.complete

    @property
    def age_seconds(self) -> float:
        """Since the last answer; since the start while there was none."""
        return time.monotonic() - self._answered_at

    def check_token(self, person_id: UUID, issued_at: float) -> None:
        """Refuse an access token whose powers have ended; `issued_at` is its `iat`, in Unix seconds.

        Raises `AccountDisabled`, `Unauthenticated` for a token from before a change of the person's role, and
        `PeerUnavailable` while the list has never been read.
        """
        not_before = self._not_before(person_id)
        if not_before == math.inf:
            raise AccountDisabled
        if issued_at < not_before:
            raise Unauthenticated(
                "This access token has ended, because the role or the account was changed; "
                "get a new one from /refresh, or sign in again."
            )

    def is_active(self, person_id: UUID) -> bool:
        """Whether this person is not disabled. Raises `PeerUnavailable` while the list has never been read."""
        return self._not_before(person_id) != math.inf

    def _not_before(self, person_id: UUID) -> float:
        if not self._copy.complete:
            raise PeerUnavailable(self._identity.name)
        return self._copy.not_before.get(person_id, -math.inf)

    async def start(self) -> None:
        """Read the list, if there is an answer at once, and follow its changes until `stop`."""
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
            # No pause between the pages of the first reading: requests are refused until its end.
            if self.known or not self._answering:
                await asyncio.sleep(max(0.0, due - clock()))

    def _poll_seconds(self) -> float:
        starting = not self.known and self.age_seconds < _FIRST_SECONDS
        return _FIRST_POLL_SECONDS if starting else POLL_SECONDS

    async def poll(self) -> None:
        """Ask for changes, and for the next page of the renewed copy if one is being read. Never raises."""
        try:
            await self._read(self._copy)
            if self._renewed is not None:
                await self._read(self._renewed)
        except (
            Exception
        ) as error:  # whatever it is, the list stays as it was, and the next question follows
            self._note_silence(error)
            return
        if not self._answering:
            logger.info(
                "revocations: {} answers again, after {:.1f} s",
                self._identity.name,
                self.age_seconds,
            )
        now = time.monotonic()
        self._answering, self._answer_seconds, self._answered_at = True, _ANSWER_SECONDS, now
        if self._renewed is None:
            if now - self._renewed_at > RENEW_SECONDS:
                self._renewed = _Copy()
        elif self._renewed.complete:
            self._copy, self._renewed, self._renewed_at = self._renewed, None, now

    def _note_silence(self, error: Exception) -> None:
        if self._answering:
            consequence = (
                "its last known list decides"
                if self.known
                else "requests that need its list are refused"
            )
            cause = error.__cause__ if isinstance(error, PeerUnavailable) else None
            logger.warning(
                "revocations: {} does not answer, {}: {!r}",
                self._identity.name,
                consequence,
                cause or error,
            )
        self._answering = False
        if isinstance(error, TimeoutError):
            self._answer_seconds = min(self._answer_seconds * 2, _LONGEST_ANSWER_SECONDS)

    async def _read(self, copy: _Copy) -> None:
        async with asyncio.timeout(self._answer_seconds):
            # One attempt: the next question is the second.
            response = await self._identity.request(
                "GET", f"{self._path}?since={copy.since}", idempotent=False
            )
        copy.take(self._identity.read(response, RevocationChanges))
