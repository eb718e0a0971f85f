"""Routes for other services."""

from typing import Annotated

from cathouse_kit.database import Session
from cathouse_kit.revocations import PAGE_ENTRIES, RevocationChanges
from cathouse_kit.security import service_only
from fastapi import APIRouter, Depends, Query

from cathouse_auth.services import revocations

router = APIRouter(
    prefix="/api/v1/auth/internal", tags=["internal"], dependencies=[Depends(service_only)]
)


@router.get(
    "/revocations",
    response_model=RevocationChanges,
    summary="List people with revoked access tokens",
    description="Lists people who are disabled, and people who were enabled or got another role within the last "
    "16 minutes. Refuse every request of a person who is not `active`. Refuse an access token if its `iat` is before "
    f"`not_before`. A response has at most {PAGE_ENTRIES} entries and 128 KiB.",
)
async def list_revocations(
    session: Session,
    since: Annotated[
        int,
        Query(ge=0, le=2**63 - 1, description="`next_since` of the previous response; 0 for all"),
    ] = 0,
) -> revocations.Changes:
    return await revocations.list_changes(session, since)
