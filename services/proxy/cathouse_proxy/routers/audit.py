"""The audit of proxied calls."""

from typing import Annotated
from uuid import UUID

from cathouse_kit.database import Session
from cathouse_kit.pagination import PageRequest
from cathouse_kit.problems import problem_responses
from cathouse_kit.schemas import Page
from cathouse_kit.security import SignedIn
from fastapi import APIRouter, Query
from pydantic import Field

from cathouse_proxy.models import ProxiedCall
from cathouse_proxy.resources import ResourcesDep
from cathouse_proxy.schemas.audit import ProxiedCallBody
from cathouse_proxy.services.audit.queries import list_visible_calls
from cathouse_proxy.services.call import PREFIX
from cathouse_proxy.services.errors import InstallationNotFound

router = APIRouter(prefix=PREFIX, tags=["audit"])


class AuditQuery(PageRequest):
    installation_id: UUID | None = Field(
        default=None,
        description="Only calls of this installation. It must be yours, unless you are an admin",
    )


@router.get(
    "/audit",
    response_model=Page[ProxiedCallBody],
    responses=problem_responses(InstallationNotFound),
    summary="List proxied calls, newest first",
)
async def list_audit(
    person: SignedIn,
    session: Session,
    resources: ResourcesDep,
    query: Annotated[AuditQuery, Query()],
) -> dict[str, list[ProxiedCall] | str | None]:
    """Without `installation_id`, the list holds your own calls. Admins see the calls of all users."""
    items, next_cursor = await list_visible_calls(
        session, resources.lookups, person, query, query.installation_id
    )
    return {"items": items, "next_cursor": next_cursor}
