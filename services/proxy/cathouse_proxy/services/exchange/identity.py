"""Who calls, as a cat is told: a pseudonym of the person, in a token that only the proxy can have made."""

import base64
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from cathouse_kit.database import Database
from cathouse_kit.signing_keys import SigningKeys as KitSigningKeys
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from cathouse_proxy.models import PseudonymSecret, SigningKey

ISSUER = "cathouse-proxy"
TOKEN_SECONDS = 60
# A signature costs more than the rest of a token. One that is used again has most of its time before it.
_KEEP_SECONDS = 20
_MAX_KEPT = 10_000


class SigningKeys(KitSigningKeys):
    """The keys of one process of the proxy."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, SigningKey, token_seconds=TOKEN_SECONDS)


class Identities:
    """Makes the tokens that cats get."""

    def __init__(
        self, database: Database, keys: SigningKeys, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._secret: bytes | None = None
        self._kept: dict[tuple[str, UUID, UUID, UUID, tuple[str, ...]], str] = {}
        """Tokens by their key and by all that they say; all are dropped together."""
        self._kept_since = float("-inf")

    async def token(
        self, *, person_id: UUID, cat_id: UUID, installation_id: UUID, scopes: Sequence[str]
    ) -> str:
        """A token for this cat alone, good for another 40 seconds at least.

        The caller has checked what it says: a kept token is for calls that may be made now.
        """
        kid = await self._keys.signing_kid()
        said = (kid, person_id, cat_id, installation_id, tuple(scopes))
        now = self._clock()
        if now - self._kept_since >= _KEEP_SECONDS or len(self._kept) >= _MAX_KEPT:
            self._kept, self._kept_since = {}, now
        if (kept := self._kept.get(said)) is not None:
            return kept
        token = await self._keys.sign_claims(
            {
                "iss": ISSUER,
                "aud": str(cat_id),
                "sub": await self.pseudonym(person_id, cat_id),
                "scope": " ".join(scopes),
                "installation": str(installation_id),
            }
        )
        self._kept[said] = token
        return token

    async def pseudonym(self, person_id: UUID, cat_id: UUID) -> str:
        """What a cat knows a person by: always the same, and without the secret not to be linked with what another cat
        knows them by, nor with the person."""
        if self._secret is None:
            self._secret = await self._read_secret()
        digest = hmac.digest(self._secret, person_id.bytes + cat_id.bytes, "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    async def _read_secret(self) -> bytes:
        async with self._database.session() as session:
            # Of processes that start together, one makes it.
            await session.execute(
                insert(PseudonymSecret)
                .values(id=PseudonymSecret.ONLY, secret=secrets.token_bytes(32))
                .on_conflict_do_nothing()
            )
            return (await session.scalars(select(PseudonymSecret.secret))).one()
