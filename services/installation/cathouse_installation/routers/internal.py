"""Routes for other services."""

from typing import Annotated
from uuid import UUID

from cathouse_kit.database import Session
from cathouse_kit.problems import problem_responses
from cathouse_kit.security import service_only
from fastapi import APIRouter, Depends, Query

from cathouse_installation.schemas.verification import AdoptionState, Verification, Verified
from cathouse_installation.services import adoption, verification
from cathouse_installation.services.errors import UnknownInstallation

router = APIRouter(
    prefix="/api/v1/installations/internal",
    tags=["internal"],
    dependencies=[Depends(service_only)],
)


@router.post(
    "/verify",
    response_model=Verified,
    responses=problem_responses(UnknownInstallation),
    summary="Verify an installation",
)
async def verify_installation(
    body: Verification,
    session: Session,
    # A query parameter, because older versions refuse unknown fields of the body, but ignore unknown parameters.
    used_by: Annotated[
        UUID | None,
        Query(
            description="With `installation_id`: the user who is about to call the cat. `last_used_at` is updated only "
            "if this is the owner"
        ),
    ] = None,
) -> verification.Permission:
    """Find an installation by its credential or by its id, and return its owner, status and granted scopes.

    Paused and uninstalled installations are found, too: check `status`. The request is safe to repeat. It only updates
    `last_used_at` of an active installation that is in use, at most once a minute.
    """
    return await verification.verify(
        session,
        credential=body.credential.get_secret_value() if body.credential else None,
        installation_id=body.installation_id,
        used_by=used_by,
    )


@router.get(
    "/adoptions", response_model=AdoptionState, summary="Check whether a player has adopted a cat"
)
async def read_adoption(user_id: UUID, cat_id: UUID, session: Session) -> AdoptionState:
    """The catalog calls this before a player's first review of a cat. Ids that do not exist give `false`."""
    return AdoptionState(adopted=await adoption.has_adopted(session, user_id, cat_id))
