"""Endpoints of cats. Once players may have adopted a cat, its calls go to another host only after a review."""

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
    """Raises `InvalidRequest` for an endpoint without encryption, where that is not allowed."""
    if endpoint_url is not None and endpoint_url.startswith("http://") and not allow_http:
        raise InvalidRequest.of(
            "body",
            "endpoint_url",
            msg="must be https://: over http://, anyone on the way reads and changes what players send",
        )


def move_endpoint(cat: Cat, endpoint_url: str) -> None:
    """Changes a cat's endpoint, or keeps the change pending where it needs a review: of a cat that was approved, to
    another scheme, host or port. Meanwhile the cat runs at its old endpoint."""
    if cat.status == CatStatus.DRAFT or _origin(endpoint_url) == _origin(cat.endpoint_url):
        cat.endpoint_url, cat.pending_endpoint_url = endpoint_url, None
    else:
        cat.pending_endpoint_url = endpoint_url


async def approve_endpoint(
    session: AsyncSession, cat_id: UUID, admin: Principal, endpoint_url: str
) -> Cat:
    """Makes the pending endpoint the cat's own. Raises `CatNotFound` and `EndpointNotPending`."""
    cat = await _with_pending(session, cat_id, endpoint_url)
    cat.endpoint_url, cat.pending_endpoint_url = endpoint_url, None
    _record(session, SecurityEvent.ENDPOINT_APPROVED, cat, admin, endpoint_url)
    await session.flush()
    return cat


async def reject_endpoint(
    session: AsyncSession, cat_id: UUID, admin: Principal, endpoint_url: str
) -> Cat:
    """Drops the pending endpoint. Raises `CatNotFound` and `EndpointNotPending`."""
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
    # What is decided on is what was read, though the developer may have changed it since.
    if cat.pending_endpoint_url != endpoint_url:
        raise EndpointNotPending(cat.pending_endpoint_url)
    return cat


def _origin(url: str) -> tuple[str, str]:
    # URLs are stored in their normal form: in lower case, without the scheme's own port.
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
