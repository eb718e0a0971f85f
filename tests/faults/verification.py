"""Compares the databases after the faults with the ledger."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

import asyncpg

from .ledger import Fact, Ledger
from .target import Target

FACTS = {
    "person": "select email, display_name from auth.people",
    "session": "select p.email, encode(t.token_hash, 'hex') from auth.refresh_tokens t "
    "join auth.sessions s on s.id = t.session_id join auth.people p on p.id = s.person_id "
    "where t.used_at is null",
    "tagline": "select slug, tagline from catalog.cats",
    "status": "select slug, status from catalog.cats",
    "current version": "select slug, version from catalog.cats",
    "version": "select c.slug || ' ' || v.version, v.release_notes "
    "from catalog.versions v join catalog.cats c on c.id = v.cat_id",
    "review": "select c.slug, r.rating || ' ' || r.comment "
    "from catalog.reviews r join catalog.cats c on c.id = r.cat_id",
    "scopes": "select name, array_to_string(granted_scopes, ' ') from installation.installations",
    "credential": "select name, encode(credential_hash, 'hex') from installation.installations",
    "mood": "select name, settings ->> 'mood' from installation.installations",
    "paused": "select name, status from installation.installations",
}
"""A query for each kind of fact. It returns the names of subjects, each once, and values."""

WHOLE = {
    "a cat without its current version": "select slug from catalog.cats c where not exists ("
    "select from catalog.versions v "
    "where v.cat_id = c.id and v.version = c.version and v.scopes = c.scopes)",
    "a published cat whose version is not published": "select slug from catalog.cats c "
    "join catalog.versions v on v.cat_id = c.id and v.version = c.version "
    "where c.status = 'published' and v.published_at is null",
    "a cat whose rating is not that of its reviews": "select slug from catalog.cats c "
    "left join (select cat_id, count(*) as count, sum(rating) as sum from catalog.reviews "
    "group by cat_id) r on r.cat_id = c.id "
    "where c.rating_count <> coalesce(r.count, 0) or c.rating_sum <> coalesce(r.sum, 0)",
    "an installation without its idempotency key": "select name from installation.installations i "
    "where not exists (select from installation.idempotency_keys k where k.installation_id = i.id)",
    "a cat that a person has twice": "select min(name) from installation.installations "
    "where status <> 'uninstalled' group by user_id, cat_id having count(*) > 1",
    "a session without exactly one refresh token to use": "select s.id from auth.sessions s "
    "left join auth.refresh_tokens t on t.session_id = s.id and t.used_at is null "
    "group by s.id having count(t.token_hash) <> 1",
}
"""Queries that find writes of which only some rows exist."""

# The audit's outcome of a call that has not ended. See cathouse_proxy/services/call.py.
_INCOMPLETE = ("started", "answering")


@dataclass
class Findings:
    lost: list[str] = field(default_factory=list)
    """Acknowledged writes that are missing."""
    half_done: list[str] = field(default_factory=list)
    missing_rows: list[str] = field(default_factory=list)
    """Proxied calls with a missing, incomplete or wrong row in the audit."""


async def verify(target: Target, ledger: Ledger) -> Findings:
    """Compare the ledger with the databases of the platform and of the cat."""
    connection = await asyncpg.connect(target.database_url)
    try:
        facts: dict[Fact, str] = {
            (kind, name): value
            for kind, query in FACTS.items()
            for name, value in await connection.fetch(query)
        }
        half_done = [
            f"{what}: {row[0]}"
            for what, query in WHOLE.items()
            for row in await connection.fetch(query)
        ]
        rows = await connection.fetch("select request_id, status, outcome from proxy.audit")
    finally:
        await connection.close()
    with closing(sqlite3.connect(target.tasks_file)) as tasks:
        facts |= {("task", title): title for (title,) in tasks.execute("select title from tasks")}
    return Findings(
        lost=lost_writes(ledger, facts),
        half_done=half_done + half_done_writes(ledger, facts),
        missing_rows=missing_rows(
            ledger, [(row["request_id"], row["status"], row["outcome"]) for row in rows], facts
        ),
    )


def lost_writes(ledger: Ledger, facts: Mapping[Fact, str]) -> list[str]:
    """Return acknowledged facts that are not true, if no write in doubt explains that."""
    possible: dict[Fact, list[str | None]] = {}
    for write in ledger.in_doubt:
        for fact, value in write.items():
            possible.setdefault(fact, []).append(value)
    return [
        f"{' '.join(fact)}: {facts.get(fact)!r} instead of {value!r}"
        for fact, value in ledger.acknowledged.items()
        if facts.get(fact) != value
        # None: only the response would have had the new value.
        and not any(
            doubtful is None or doubtful == facts.get(fact) for doubtful in possible.get(fact, ())
        )
    ]


def half_done_writes(ledger: Ledger, facts: Mapping[Fact, str]) -> list[str]:
    """Return writes in doubt of which some facts are true and others are not."""
    found = []
    for write in ledger.in_doubt:
        done = {
            fact: facts.get(fact) == value
            for fact, value in write.items()
            # Other facts may have come from another write.
            if value is not None and fact not in ledger.acknowledged
        }
        if len(set(done.values())) > 1:
            found.append(f"done or not: {done}")
    return found


def missing_rows(
    ledger: Ledger, rows: list[tuple[str, int | None, str]], facts: Mapping[Fact, str]
) -> list[str]:
    """Return completed calls without exactly one row with their status, and tasks of the cat without a row."""
    by_id: dict[str, list[tuple[int | None, str]]] = {}
    for request_id, status, outcome in rows:
        by_id.setdefault(request_id, []).append((status, outcome))
    found = [
        f"{request_id}, answered with {status}: {by_id.get(request_id, [])}"
        for request_id, status in ledger.audited.items()
        if [
            row_status
            for row_status, outcome in by_id.get(request_id, ())
            if outcome not in _INCOMPLETE
        ]
        != [status]
    ]
    # The load uses the request id as the title of a task.
    found += [
        f"{title}: the cat has done this, and the audit does not know it"
        for kind, title in facts
        if kind == "task" and title not in by_id
    ]
    return found
