"""The route that adopts a cat."""

from typing import Annotated

from cathouse_kit.database import Session
from cathouse_kit.problems import (
    Forbidden,
    InvalidRequest,
    ServiceUnavailable,
    problem_responses,
)
from cathouse_kit.quotas import QuotaReached
from cathouse_kit.service_client import PeerUnavailable
from cathouse_platform.guards import Player
from fastapi import APIRouter, Header, Response

from cathouse_installation.resources import ResourcesDep
from cathouse_installation.schemas.installations import Adoption, InstallationWithCredential
from cathouse_installation.services.adoption import AdoptionRequest, adopt
from cathouse_installation.services.errors import (
    AlreadyAdopted,
    CatNotFound,
    CredentialReplaced,
    DeveloperDisabled,
    IdempotencyKeyReused,
    InvalidScopes,
    TooManyAdoptions,
)

router = APIRouter(prefix="/api/v1/installations", tags=["adoption"])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Any text that is unique to this adoption, such as a random UUID",
        examples=["7d0f8a52-6f0e-4b51-9a0c-5f1f3f3f7a11"],
    ),
]


@router.post(
    "",
    status_code=201,
    response_model=InstallationWithCredential,
    responses=problem_responses(
        Forbidden,
        CatNotFound,
        DeveloperDisabled,
        AlreadyAdopted,
        CredentialReplaced,
        QuotaReached,
        TooManyAdoptions,
        InvalidScopes,
        IdempotencyKeyReused,
        InvalidRequest,
        PeerUnavailable,
        ServiceUnavailable,
    ),
    summary="Adopt a cat",
)
async def adopt_cat(
    body: Adoption,
    player: Player,
    session: Session,
    resources: ResourcesDep,
    response: Response,
    idempotency_key: Key = None,
) -> InstallationWithCredential:
    """A player can have one installation of each cat. After uninstalling it, the player can adopt the cat again.

    Only this response shows the credential. The platform stores its hash.

    With an `Idempotency-Key`, you can repeat the same request for 24 hours, also concurrently. This creates only one
    installation. Each response holds its current state and the same credential. The same key with another body is
    refused. A repeat is also refused after `POST /{installation_id}/credential` has replaced the credential. You can
    repeat a refused adoption with the same key.
    """
    request = AdoptionRequest(
        user_id=player.id,
        cat_id=body.cat_id,
        granted_scopes=frozenset(body.granted_scopes),
        name=body.name,
        settings=body.settings,
    )
    adopted = await adopt(
        session,
        resources.catalog,
        resources.credentials,
        resources.limits,
        request,
        idempotency_key,
    )
    response.headers["Location"] = f"{router.prefix}/{adopted.installation.id}"
    response.headers["Cache-Control"] = "no-store"
    return InstallationWithCredential.model_validate(adopted)
