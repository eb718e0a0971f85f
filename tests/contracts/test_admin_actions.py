"""A service can add rows of admin actions, but its role cannot change or delete them."""

import importlib

import asyncpg
import pytest
from cathouse_kit.registry import Service

ADD = """
    INSERT INTO admin_actions (action, subject_id, details) VALUES ('role_changed', gen_random_uuid(), '{}')
    RETURNING id
"""


async def test_a_service_adds_admin_actions_and_changes_and_deletes_none(
    service: Service, database_urls: dict[str, str]
) -> None:
    serving = await asyncpg.connect(database_urls[service.name])
    try:
        models = importlib.import_module(f"{service.package}.models")
        if not hasattr(models, "AdminAction"):
            assert await serving.fetchval("SELECT to_regclass('admin_actions')") is None
            return
        columns = [
            name
            for (name,) in await serving.fetch(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_schema = $1 AND table_name = 'admin_actions'",
                service.schema,
            )
        ]
        assert {"id", "at", "admin_id", "action", "subject_id", "details", "request_id"} == set(
            columns
        )
        transaction = serving.transaction()
        await transaction.start()
        assert await serving.fetchval(ADD)
        await transaction.rollback()
        for statement in (
            *(f"UPDATE admin_actions SET {column} = {column}" for column in columns),
            "DELETE FROM admin_actions",
            "TRUNCATE admin_actions",
            "DROP TABLE admin_actions",
            "ALTER TABLE admin_actions DROP COLUMN details",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await serving.execute(statement)
    finally:
        await serving.close()
