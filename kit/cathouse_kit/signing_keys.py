"""Keys that sign the tokens of a service: Ed25519 (RFC 8037), in the service's schema, published as a JWK set."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm
from pydantic import Field
from sqlalchemy import (
    DateTime,
    LargeBinary,
    String,
    false,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, class_mapper, mapped_column

from cathouse_kit.database import Database
from cathouse_kit.privileges import allow
from cathouse_kit.schemas import ResponseBody
from cathouse_kit.security_events import log_on_commit
from cathouse_kit.tokens import ALGORITHM

KEY_ROTATED = "signing_key_rotated"
"""The security event of a new key."""

# The longest time until other processes of a service know a new key.
_CACHE_SECONDS = 5.0
# A new key is published for this time before it signs. A service that gets its first token then knows the key.
TAKEOVER_SECONDS = 10.0
# A retired key stays published for this time after its last token has expired, because clocks differ.
_CLOCK_MARGIN = timedelta(seconds=60)


class SigningKeyColumns:
    """The columns of a service's table of keys: `class SigningKey(SigningKeyColumns, Base)`.

    One key signs. Previous keys stay published until their last token has expired. A new key is published before it
    signs; it takes over when the previous key retires.
    """

    __tablename__ = "signing_keys"
    __table_args__ = {"info": allow("select", "insert", update=("retired_at",))}  # noqa: RUF012 - SQLAlchemy's own name

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    private_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    """The seed (RFC 8032, section 5.1.5)."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PublicKey(ResponseBody):
    """An Ed25519 public key as a JWK (RFC 8037, section 2)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str = Field(max_length=43, description="The key, base64url")
    kid: str = Field(max_length=64)
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class KeySet(ResponseBody):
    """A JWK set (RFC 7517, section 5)."""

    keys: list[PublicKey] = Field(json_schema_extra={"maxItems": 1000})


class SigningKeys:
    """The keys of one process, read from the database and cached briefly. The first key is created when needed."""

    def __init__(
        self, database: Database, table: type[SigningKeyColumns], *, token_seconds: int
    ) -> None:
        self._database = database
        self._table = table
        self._token_seconds = token_seconds
        self._published: list[dict[str, Any]] = []
        self._public_keys: dict[str, PyJWK] = {}
        self._kid = ""
        self._private_key: Ed25519PrivateKey | None = None
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> PyJWK | None:
        """Return the public key of this id, or None if no such key is published."""
        if self._stale:
            await self._read_alone()
        return self._public_keys.get(kid)

    async def published(self) -> list[dict[str, Any]]:
        """Return the public keys as JWKs (RFC 7517), newest first."""
        if self._stale:
            await self._read_alone()
        return self._published

    async def signing_kid(self) -> str:
        """Return the id of the key that signs now."""
        if self._stale:
            await self._read_alone()
        return self._kid

    async def sign_claims(
        self,
        claims: Mapping[str, Any],
        session: AsyncSession | None = None,
        *,
        issued_at: float | None = None,
    ) -> str:
        """Return a token with these claims, `iat` and `exp`. `issued_at`, in Unix seconds, replaces the local clock.

        A caller with an open session must pass it: waiting for a second connection could cause a deadlock.
        """
        if self._stale:
            await (self._read(session) if session else self._read_alone())
        assert self._private_key is not None  # noqa: S101 - what was read always has one
        iat = int(time.time()) if issued_at is None else issued_at
        return jwt.encode(
            {**claims, "iat": iat, "exp": iat + self._token_seconds},
            self._private_key,
            algorithm=ALGORITHM,
            headers={"kid": self._kid},
        )

    @property
    def _stale(self) -> bool:
        return time.monotonic() - self._read_at > _CACHE_SECONDS

    async def _read_alone(self) -> None:
        # One read serves all simultaneous requests with stale keys, including its failure. Separate reads would use the
        # whole pool, and each would wait for a database that is down. A caller with a session reads in that session. If
        # it waited here, it could hold the connection that the reader needs.
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_with_a_session())
        await asyncio.shield(self._reading)

    async def _read_with_a_session(self) -> None:
        async with self._database.session() as session:
            await self._read(session)

    async def _read(self, session: AsyncSession) -> None:
        keys = await self._published_keys(session)
        if not keys or keys[0][0].retired_at is not None:
            await rotate_signing_key(session, self._table, only_if_missing=True)
            keys = await self._published_keys(session)
        # Keys are in descending order of retirement, so the last one that has not retired signs.
        signing = [key for key, retired in keys if not retired][-1]
        self._published = [_public_jwk(key) for key, _ in keys]
        self._public_keys = {jwk["kid"]: PyJWK(jwk) for jwk in self._published}
        self._kid = signing.kid
        self._private_key = Ed25519PrivateKey.from_private_bytes(signing.private_key)
        self._read_at = time.monotonic()

    async def _published_keys(self, session: AsyncSession) -> list[tuple[SigningKeyColumns, bool]]:
        """Return the keys, newest first, each with whether it has retired."""
        table = self._table
        published_for = timedelta(seconds=self._token_seconds) + _CLOCK_MARGIN
        statement = (
            select(table, func.coalesce(table.retired_at <= func.now(), false()))
            .where(or_(table.retired_at.is_(None), table.retired_at > func.now() - published_for))
            .order_by(table.retired_at.desc().nulls_first())
        )
        return [(key, retired) for key, retired in await session.execute(statement)]


async def rotate_signing_key(
    session: AsyncSession, table: type[SigningKeyColumns], *, only_if_missing: bool = False
) -> str:
    """Create a new key, and return its `kid`. It takes over from the previous key in `TAKEOVER_SECONDS`.

    With `only_if_missing`, keep an existing key, and return its `kid`.
    """
    # Under a lock: otherwise two processes that start together would create two keys.
    await session.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:table, 0))"),
        {"table": str(class_mapper(table).local_table)},
    )
    newest = await session.scalar(select(table).where(table.retired_at.is_(None)))
    if newest is not None:
        if only_if_missing:
            return newest.kid
        newest.retired_at = func.now() + timedelta(seconds=TAKEOVER_SECONDS)
    new = table()
    new.kid = uuid4().hex
    new.private_key = Ed25519PrivateKey.generate().private_bytes_raw()
    session.add(new)
    await session.flush()
    if newest is not None:
        log_on_commit(
            session,
            KEY_ROTATED,
            actor_id=None,
            subject_id=None,
            kid=new.kid,
        )
    return new.kid


def _public_jwk(key: SigningKeyColumns) -> dict[str, Any]:
    public_key = Ed25519PrivateKey.from_private_bytes(key.private_key).public_key()
    jwk: dict[str, Any] = OKPAlgorithm.to_jwk(public_key, as_dict=True)
    return jwk | {"kid": key.kid, "use": "sig", "alg": ALGORITHM}
