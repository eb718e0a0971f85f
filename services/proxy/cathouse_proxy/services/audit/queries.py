"""Queries of the audit."""

from uuid import UUID

from cathouse_kit.pagination import PageRequest, SortKey, select_page
from cathouse_kit.tokens import Principal
from cathouse_platform.platform import Role
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_proxy.models import ProxiedCall
from cathouse_proxy.services.admission.lookups import Lookups
from cathouse_proxy.services.errors import InstallationNotFound


async def list_visible_calls(
    session: AsyncSession,
    lookups: Lookups,
    person: Principal,
    page: PageRequest,
    installation_id: UUID | None,
) -> tuple[list[ProxiedCall], str | None]:
    """Return a page of calls, newest first, and the cursor of the next page.

    With `installation_id`, list the calls of that installation. Without it, list the person's own calls, or for admins
    all calls. Raises `InstallationNotFound` for the installation of another person.
    """
    statement = select(ProxiedCall)
    if installation_id is not None:
        statement = statement.where(ProxiedCall.installation_id == installation_id)
    if person.role is not Role.ADMIN:
        if installation_id is None:
            statement = statement.where(ProxiedCall.user_id == person.id)
        else:
            installation = await lookups.installation(installation_id)
            if installation is None or installation.user_id != person.id:
                raise InstallationNotFound
    keys = [SortKey(ProxiedCall.id, UUID, descending=True)]
    rows, next_cursor = await select_page(session, statement, "newest", keys, page)
    return [row[0] for row in rows], next_cursor
