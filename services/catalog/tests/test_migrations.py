import asyncpg
from cathouse_kit.database import Database
from cathouse_kit.migrations import Migrations
from cathouse_kit.registry import Service
from cathouse_postgres.testing import TemporaryServer
from pydantic import SecretStr


async def test_cats_from_before_the_migration_are_found_in_their_script(
    services: tuple[Service, ...], postgres_server: TemporaryServer, database: str
) -> None:
    """Migrate a database with cats from the first migration to the newest, and back."""
    name = f"{database}_cats_of_before"
    postgres_server.create_database(name)
    try:
        postgres_server.provision([each for each in services if each.name == "catalog"], name)
        url = postgres_server.url("catalog_owner", name)
        own = Database(SecretStr(url), pool_size=1, application_name="test")
        migrations = Migrations("cathouse_catalog")
        try:
            await migrations.run(own, "0001")
            connection = await asyncpg.connect(url)
            await connection.execute(
                "insert into catalog.cats (slug, name, tagline, description, category, developer_id, "
                "endpoint_url, version, scopes) values ('zadachnik', 'Задачник', 'x', 'Ёлка', 'a-b', uuidv7(), "
                "'http://tasks.example.com', '1.0.0', '[]')"
            )
            similar = (
                "select catalog.word_similarity(catalog.search_letters('задачнек'), search_text) > 0.3 "
                "and search @@ websearch_to_tsquery('english', catalog.search_words('елка')) from catalog.cats"
            )
            await migrations.upgrade(own)
            assert await connection.fetchval(similar)
            await migrations.run(own, "0001")
            assert await connection.fetchval("select search_text from catalog.cats") == "Задачник x"
            await migrations.upgrade(own)
            assert await connection.fetchval(similar)
            await connection.close()
        finally:
            await own.close()
    finally:
        postgres_server.drop_database(name)
