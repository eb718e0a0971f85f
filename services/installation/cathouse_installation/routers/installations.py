"""Routes for owners of installations."""

from uuid import UUID

from cathouse_kit.database import Session
from cathouse_kit.pagination import Paging
from cathouse_kit.problems import InvalidRequest, ServiceUnavailable, problem_responses
from cathouse_kit.schemas import Page
from cathouse_kit.security import SignedIn
from cathouse_kit.service_client import PeerUnavailable
from fastapi import APIRouter, Response

from cathouse_installation.models import Installation, Status
from cathouse_installation.resources import ResourcesDep
from cathouse_installation.schemas.installations import (
    InstallationBody,
    InstallationChange,
    InstallationWithCredential,
    ScopesChange,
)
from cathouse_installation.services import installations
from cathouse_installation.services.errors import (
    CatNotFound,
    CatUnavailable,
    DeveloperDisabled,
    InstallationNotFound,
    InstallationUninstalled,
    InvalidScopes,
)

router = APIRouter(prefix="/api/v1/installations", tags=["installations"])


@router.get("", response_model=Page[InstallationBody], summary="List my installations")
async def list_installations(
    person: SignedIn, session: Session, page: Paging
) -> Page[InstallationBody]:
    """The list begins with the newest, and includes uninstalled ones."""
    found, next_cursor = await installations.list_own(session, person.id, page)
    return Page(
        items=[InstallationBody.model_validate(installation) for installation in found],
        next_cursor=next_cursor,
    )


@router.get(
    "/{installation_id}",
    response_model=InstallationBody,
    responses=problem_responses(InstallationNotFound),
    summary="Get one of my installations",
)
async def read_installation(
    installation_id: UUID, person: SignedIn, session: Session
) -> Installation:
    return await installations.get_own(session, person.id, installation_id)


@router.patch(
    "/{installation_id}",
    response_model=InstallationBody,
    responses=problem_responses(InstallationNotFound, InstallationUninstalled),
    summary="Rename an installation, or replace its settings",
)
async def change_installation(
    installation_id: UUID, body: InstallationChange, person: SignedIn, session: Session
) -> Installation:
    """Fields that are left out stay as they are. `settings` replaces the whole object."""
    changes = body.model_dump(exclude_unset=True)
    return await installations.change(session, person.id, installation_id, changes)


@router.post(
    "/{installation_id}/pause",
    response_model=InstallationBody,
    responses=problem_responses(InstallationNotFound, InstallationUninstalled),
    summary="Pause an installation",
)
async def pause_installation(
    installation_id: UUID, person: SignedIn, session: Session
) -> Installation:
    """The proxy refuses its calls until you resume it. Pausing a paused installation changes nothing."""
    return await installations.set_status(session, person.id, installation_id, Status.PAUSED)


@router.post(
    "/{installation_id}/resume",
    response_model=InstallationBody,
    responses=problem_responses(InstallationNotFound, InstallationUninstalled),
    summary="Resume a paused installation",
)
async def resume_installation(
    installation_id: UUID, person: SignedIn, session: Session
) -> Installation:
    """Resuming an active installation changes nothing."""
    return await installations.set_status(session, person.id, installation_id, Status.ACTIVE)


@router.delete(
    "/{installation_id}",
    status_code=204,
    response_model=None,
    responses=problem_responses(InstallationNotFound),
    summary="Uninstall a cat",
)
async def uninstall_cat(installation_id: UUID, person: SignedIn, session: Session) -> None:
    """Uninstalling is final. The installation stays readable with the status `uninstalled`, and cannot be changed.

    You can adopt the cat again. Uninstalling an uninstalled installation changes nothing.
    """
    await installations.uninstall(session, person.id, installation_id)


@router.put(
    "/{installation_id}/scopes",
    response_model=InstallationBody,
    responses=problem_responses(
        InstallationNotFound,
        CatNotFound,
        InstallationUninstalled,
        CatUnavailable,
        DeveloperDisabled,
        InvalidScopes,
        InvalidRequest,
        PeerUnavailable,
        ServiceUnavailable,
    ),
    summary="Replace the granted scopes of an installation",
)
async def replace_scopes(
    installation_id: UUID,
    body: ScopesChange,
    person: SignedIn,
    session: Session,
    resources: ResourcesDep,
) -> Installation:
    """Grant exactly these scopes. They are checked against the cat's current manifest.

    `cat_version` becomes the version of that manifest. While the cat is not published, you can remove scopes but not
    add any.
    """
    return await installations.replace_scopes(
        session, resources.catalog, person.id, installation_id, frozenset(body.granted_scopes)
    )


@router.post(
    "/{installation_id}/credential",
    response_model=InstallationWithCredential,
    responses=problem_responses(InstallationNotFound, InstallationUninstalled),
    summary="Replace the credential of an installation",
)
async def rotate_credential(
    installation_id: UUID,
    person: SignedIn,
    session: Session,
    resources: ResourcesDep,
    response: Response,
) -> InstallationWithCredential:
    """The old credential stops working at once. Only this response shows the new one. The platform stores its hash."""
    rotated = await installations.rotate_credential(
        session, resources.credentials, person.id, installation_id
    )
    response.headers["Cache-Control"] = "no-store"
    return InstallationWithCredential.model_validate(rotated)
