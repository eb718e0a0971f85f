"""Delete old rows of the audit."""

from datetime import UTC, datetime, timedelta

from cathouse_kit.database import Database
from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError

from cathouse_proxy.models import ProxiedCall
from cathouse_proxy.services.audit.ids import uuid7

_DELETED_AT_ONCE = 5_000
_INSUFFICIENT_PRIVILEGE = "42501"


class PruningRefused(Exception):
    """The database role may not delete from the audit."""


async def delete_older_than(database: Database, age: timedelta) -> int:
    """Delete the rows of calls that began more than `age` ago. Return their number.

    Each transaction deletes a few thousand rows. Other processes can write meanwhile, and an interrupted command keeps
    its progress. Rows are selected by id, because ids are in order of time and have an index. Raises `PruningRefused`
    for any role but the pruner's.
    """
    first_kept = uuid7(datetime.now(UTC) - age)
    oldest = select(ProxiedCall.id).where(ProxiedCall.id < first_kept)
    oldest = oldest.order_by(ProxiedCall.id).limit(_DELETED_AT_ONCE)
    deleted = 0
    while True:
        async with database.session() as session:
            try:
                result = await session.execute(
                    delete(ProxiedCall)
                    .where(ProxiedCall.id.in_(oldest.scalar_subquery()))
                    .returning(ProxiedCall.id)
                )
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
                    raise
                raise PruningRefused(
                    "the role in DATABASE_URL may not delete from the audit: set the URL of the role proxy_pruner, in"
                    " SECRETS_DIR/proxy_pruner/database_url or as DATABASE_URL"
                ) from error
            count = len(result.all())
        deleted += count
        if count < _DELETED_AT_ONCE:
            return deleted
