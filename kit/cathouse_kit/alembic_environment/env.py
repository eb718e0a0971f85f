"""The script that Alembic runs for every command. `cathouse_kit.migrations` passes the connection and the options."""

from alembic import context

context.configure(**context.config.attributes["options"])
context.run_migrations()
