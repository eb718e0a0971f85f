"""Identity tokens for cats: signed by the proxy, with a pseudonym of the user."""

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
# Signing is the most expensive part, so tokens are reused. A reused token is still valid for most of its lifetime.
_KEEP_SECONDS = 20
_MAX_KEPT = 10_000


class SigningKeys(KitSigningKeys):
    """The signing keys of one process of the proxy."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, SigningKey, token_seconds=TOKEN_SECONDS)


class Identities:
    """Creates identity tokens and pseudonyms."""

    def __init__(
        self, database: Database, keys: SigningKeys, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._secret: bytes | None = None
        self._kept: dict[tuple[str, UUID, UUID, UUID, tuple[str, ...]], str] = {}
        """Tokens by their signing key and claims. All entries are removed together."""
        self._kept_since = float("-inf")

    async def token(
        self, *, person_id: UUID, cat_id: UUID, installation_id: UUID, scopes: Sequence[str]
    ) -> str:
        """Return a token that is only for this cat, and valid for at least 40 more seconds.

        The admission checks each call before, so a reused token never gives access that is no longer granted.
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
        """Return the pseudonym of a user for one cat. It is always the same.

        Without the secret, nobody can link it to the user, or to the pseudonym for another cat.
        """
        if self._secret is None:
            self._secret = await self._read_secret()
        digest = hmac.digest(self._secret, person_id.bytes + cat_id.bytes, "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    async def _read_secret(self) -> bytes:
        async with self._database.session() as session:
            # Several processes may start at the same time. One of them creates the secret.
            await session.execute(
                insert(PseudonymSecret)
                .values(id=PseudonymSecret.ONLY, secret=secrets.token_bytes(32))
                .on_conflict_do_nothing()
            )
            return (await session.scalars(select(PseudonymSecret.secret))).one()
