"""Database: schemas, tables, migrations, connections, and the SQL statements that took the longest."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cathouse_dashboard.collect.postgres import read_schemas
from cathouse_dashboard.dashboard import dashboard_of
from cathouse_dashboard.templating import page

_STATEMENTS = 30


def routes() -> list[Route]:
    return [Route("/database", _database, methods=["GET"])]


async def _database(request: Request) -> Response:
    dashboard = dashboard_of(request)
    services = [endpoint.service for endpoint in dashboard.endpoints]
    schemas = await read_schemas(services, dashboard.settings.state / "secrets")
    statements = await asyncio.to_thread(dashboard.queries.statements, _STATEMENTS)
    connections: dict[str, int] = {}
    for schema in schemas:
        connections |= schema.connections
    heads = {
        name: readiness.checks.get("migrations", {}).get("head", "")
        for name, readiness in dashboard.stack.now.readiness.items()
    }
    return page(
        dashboard,
        request,
        "database",
        schemas=schemas,
        heads=heads,
        connections=connections,
        statements=statements,
    )
