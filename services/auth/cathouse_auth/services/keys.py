"""The keys that sign access tokens."""

from datetime import datetime
from uuid import UUID

from cathouse_kit.database import Database
from cathouse_kit.signing_keys import SigningKeys as KitSigningKeys
from cathouse_platform.platform import PLATFORM, Role
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_auth.models import SigningKey

ACCESS_TOKEN_SECONDS = 15 * 60


class SigningKeys(KitSigningKeys):
    """The signing keys in one process of auth. Auth also verifies access tokens with them."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, SigningKey, token_seconds=ACCESS_TOKEN_SECONDS)

    async def sign(
        self,
        session: AsyncSession,
        person_id: UUID,
        role: Role,
        *,
        token_id: UUID,
        issued_at: datetime,
    ) -> str:
        """Return an access token for a person. Its `iat` has microseconds, for the comparison with `not_before`."""
        claims = {
            "iss": PLATFORM.identity.issuer,
            "aud": PLATFORM.audience,
            "sub": str(person_id),
            "role": role,
            "jti": str(token_id),
        }
        return await self.sign_claims(claims, session, issued_at=issued_at.timestamp())
