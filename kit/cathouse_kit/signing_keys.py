"""The keys that sign a service's tokens: Ed25519 (RFC 8037), in the service's own schema, published as a JWK set."""

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

# Other processes of a service know a new key after this long at the latest.
_CACHE_SECONDS = 5.0
# A new key is published for so long before it signs: whoever gets its first token has heard of it, or may ask again.
TAKEOVER_SECONDS = 10.0
# Clocks differ: for so much longer than its last token lives is a retired key published.
_CLOCK_MARGIN = timedelta(seconds=60)


class SigningKeyColumns:
    """The columns of a service's table of keys: `class SigningKey(SigningKeyColumns, Base)`.

    One key signs; those before it are published until the last token that they signed has ended, and one that has just
    been made is published until it takes over, at the moment that the one before it retires.
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
    """The keys of one process, as the database had them a moment ago. A first key is made when there is none."""

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
        """The public key of this id; None if none is published under it."""
        if self._stale:
            await self._read_alone()
        return self._public_keys.get(kid)

    async def published(self) -> list[dict[str, Any]]:
        """The public keys as JWKs (RFC 7517), the newest first."""
        if self._stale:
            await self._read_alone()
        return self._published

    async def signing_kid(self) -> str:
        """The id of the key that signs now."""
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
        """A token with these claims and `iat` and `exp`. `issued_at` replaces this process's clock, in Unix seconds.

        A caller that holds a session passes it, for a second connection could be one that never comes free.
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
        # One reads for all who find the keys stale at once, and they share how it ends: they would take the whole pool,
        # and one after the other would each wait for a database that is down. A caller's own session reads beside it:
        # waiting here, it could hold the connection that the reader waits for.
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
        # The newest one is the last to retire; the one that signs is the first to.
        signing = [key for key, retired in keys if not retired][-1]
        self._published = [_public_jwk(key) for key, _ in keys]
        self._public_keys = {jwk["kid"]: PyJWK(jwk) for jwk in self._published}
        self._kid = signing.kid
        self._private_key = Ed25519PrivateKey.from_private_bytes(signing.private_key)
        self._read_at = time.monotonic()

    async def _published_keys(self, session: AsyncSession) -> list[tuple[SigningKeyColumns, bool]]:
        """The newest key first, each with whether it has retired."""
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
    """Makes a new key, which takes over from the newest before it in `TAKEOVER_SECONDS`; returns its `kid`.

    With `only_if_missing`, a key that there is already is kept, and its `kid` returned.
    """
    # One at a time: otherwise two processes that start together make two keys.
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
