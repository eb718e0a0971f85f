"""What other services ask."""

from cathouse_kit.database import Session
from cathouse_kit.problems import problem_responses
from cathouse_kit.security import service_only
from fastapi import APIRouter, Depends

from cathouse_installation.schemas.verification import Verification, Verified
from cathouse_installation.services import verification
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
async def verify_installation(body: Verification, session: Session) -> verification.Permission:
    """By its credential or by its id. Paused and uninstalled ones are found too; `status` tells. It may be repeated:
    all that it changes is `last_used_at`, of an active installation, at most once a minute."""
    return await verification.verify(
        session,
        credential=body.credential.get_secret_value() if body.credential else None,
        installation_id=body.installation_id,
    )
