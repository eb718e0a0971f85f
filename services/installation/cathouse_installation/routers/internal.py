"""What other services ask."""

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
    summary="What may this installation do?",
)
async def verify_installation(
    body: Verification,
    session: Session,
    # Not in the body, where a version that does not know it would refuse it.
    used_by: Annotated[
        UUID | None,
        Query(
            description="The person for whom an installation is asked for by its id, in order to call its cat. Nobody "
            "else's question by id counts as its use, nor does any but its owner's"
        ),
    ] = None,
) -> verification.Permission:
    """By its credential or by its id. Paused and uninstalled ones are found too; `status` tells. It may be repeated:
    all that it changes is `last_used_at`, of an active installation that is being used, at most once a minute."""
    return await verification.verify(
        session,
        credential=body.credential.get_secret_value() if body.credential else None,
        installation_id=body.installation_id,
        used_by=used_by,
    )


@router.get("/adoptions", response_model=AdoptionState, summary="Has this player adopted this cat?")
async def read_adoption(user_id: UUID, cat_id: UUID, session: Session) -> AdoptionState:
    """The catalog asks before a player's first review of a cat. Whether the two exist does not matter."""
    return AdoptionState(adopted=await adoption.has_adopted(session, user_id, cat_id))
