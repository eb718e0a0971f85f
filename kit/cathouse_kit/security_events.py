"""Security events: one log line, with fixed fields, for each action that matters after an incident.

| field | content |
| --- | --- |
| `event` | the name of the event |
| `actor_id` | the person who acted; null if unknown, and for commands |
| `subject_id` | the person or thing that was acted on; null if there is none |
| `client` | the caller's address, as in the line of the request; null for commands |
| `details` | words, ids and numbers of the event: never an email, a password, a token, or text that a person wrote |

Like every line of a request, it has `request_id` and `trace_id`.
"""

from uuid import UUID

from loguru import logger
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from cathouse_kit.context import current_request

_PENDING = "cathouse.security_events"

Detail = str | int | bool


def log_event(
    event: str, *, actor_id: UUID | None, subject_id: UUID | None, **details: Detail
) -> None:
    """Log an event that has happened or was refused. For changes in a transaction, use `log_on_commit`."""
    request = current_request.get()
    logger.bind(
        logger=__name__,
        event=str(event),
        actor_id=_text(actor_id),
        subject_id=_text(subject_id),
        client=request.client if request else None,
        details=details,
    ).info("security event: {}", event)


def log_on_commit(
    session: AsyncSession,
    event: str,
    *,
    actor_id: UUID | None,
    subject_id: UUID | None,
    **details: Detail,
) -> None:
    """Log the event after the commit of the session's transaction, and never if it rolls back."""
    pending = session.info.setdefault(_PENDING, [])
    if not pending and not sqlalchemy_event.contains(session.sync_session, "after_commit", _log):
        sqlalchemy_event.listen(session.sync_session, "after_commit", _log)
        sqlalchemy_event.listen(session.sync_session, "after_transaction_end", _forget)
    pending.append((event, actor_id, subject_id, details))


def _log(session: Session) -> None:
    # A released savepoint also counts as a commit, but its transaction can still roll back.
    if not session.in_nested_transaction():
        for event, actor_id, subject_id, details in session.info.pop(_PENDING, ()):
            log_event(event, actor_id=actor_id, subject_id=subject_id, **details)


def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_PENDING, None)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
