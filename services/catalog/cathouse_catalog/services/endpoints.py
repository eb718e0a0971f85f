"""Endpoints of cats. After players may have adopted a cat, a move to another host needs a review."""

from urllib.parse import urlsplit
from uuid import UUID

from cathouse_kit.problems import InvalidRequest
from cathouse_kit.tokens import Principal
from cathouse_platform.admin_actions import record_admin_action
from cathouse_platform.security_events import SecurityEvent
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse_catalog.models import AdminAction, Cat, CatStatus
from cathouse_catalog.services.access import locked_cat
from cathouse_catalog.services.errors import EndpointNotPending


def refuse_http(endpoint_url: str | None, *, allow_http: bool) -> None:
    """Raise `InvalidRequest` for an endpoint with `http://`, unless `allow_http` is set."""
    if endpoint_url is not None and endpoint_url.startswith("http://") and not allow_http:
        raise InvalidRequest.of(
            "body",
            "endpoint_url",
            msg="must begin with https://, because http:// is not encrypted",
        )


def move_endpoint(cat: Cat, endpoint_url: str) -> None:
    """Change the endpoint of a draft, or a path on the same scheme, host and port.

    Otherwise store the new endpoint as pending. The cat keeps its old endpoint until an admin approves the new one.
    """
    if cat.status == CatStatus.DRAFT or _origin(endpoint_url) == _origin(cat.endpoint_url):
        cat.endpoint_url, cat.pending_endpoint_url = endpoint_url, None
    else:
        cat.pending_endpoint_url = endpoint_url


async def approve_endpoint(
    session: AsyncSession, cat_id: UUID, admin: Principal, endpoint_url: str
) -> Cat:
    """Replace the endpoint with the pending one. Raises `CatNotFound` and `EndpointNotPending`."""
    cat = await _with_pending(session, cat_id, endpoint_url)
    cat.endpoint_url, cat.pending_endpoint_url = endpoint_url, None
    _record(session, SecurityEvent.ENDPOINT_APPROVED, cat, admin, endpoint_url)
    await session.flush()
    return cat


async def reject_endpoint(
    session: AsyncSession, cat_id: UUID, admin: Principal, endpoint_url: str
) -> Cat:
    """Remove the pending endpoint. Raises `CatNotFound` and `EndpointNotPending`."""
    cat = await _with_pending(session, cat_id, endpoint_url)
    cat.pending_endpoint_url = None
    _record(session, SecurityEvent.ENDPOINT_REJECTED, cat, admin, endpoint_url)
    await session.flush()
    return cat


def _record(
    session: AsyncSession, action: SecurityEvent, cat: Cat, admin: Principal, endpoint_url: str
) -> None:
    record_admin_action(
        session,
        AdminAction,
        action,
        admin_id=admin.id,
        subject_id=cat.id,
        unlogged={"endpoint_url": endpoint_url},
    )


async def _with_pending(session: AsyncSession, cat_id: UUID, endpoint_url: str) -> Cat:
    cat = await locked_cat(session, cat_id)
    # The developer may have changed it since the admin read it. The decision is only for the endpoint that was read.
    if cat.pending_endpoint_url != endpoint_url:
        raise EndpointNotPending(cat.pending_endpoint_url)
    return cat


def _origin(url: str) -> tuple[str, str]:
    # URLs are stored in normal form: with a lower-case host, and without the default port of the scheme.
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
