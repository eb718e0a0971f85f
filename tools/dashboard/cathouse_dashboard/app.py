"""The app: its routes, and what runs in the background beside them."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cathouse_dashboard.collect.log_reader import LogReader
from cathouse_dashboard.collect.runner import Runner
from cathouse_dashboard.collect.scraper import Scraper
from cathouse_dashboard.dashboard import Dashboard, dashboard_of
from cathouse_dashboard.guard import Guard
from cathouse_dashboard.live import Live
from cathouse_dashboard.pages import api, database, logs, metrics, overview, traces
from cathouse_dashboard.receiver import Receiver
from cathouse_dashboard.settings import Settings
from cathouse_dashboard.stack import Stack
from cathouse_dashboard.store.queries import Queries
from cathouse_dashboard.store.writer import MAX_FILE_BYTES, Writer
from cathouse_dashboard.templating import create_environment, page

_PACKAGE = Path(str(files("cathouse_dashboard")))
# Not by the mimetypes module, which knows others by version and by files of the machine.
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def create_app(
    settings: Settings, run: Path, *, began: float = 0.0, max_bytes: int = MAX_FILE_BYTES
) -> Starlette:
    """Create the app for the run whose file is `run`, and which `began` so many seconds after 1970.

    Its lifespan opens the file and starts to collect.
    """
    live = Live()
    app = Starlette(
        routes=[
            *(
                route
                for module in (overview, traces, logs, metrics, database, api)
                for route in module.routes()
            ),
            Route("/events", live.respond, methods=["GET"]),
            Route("/healthz", _health, methods=["GET"]),
            Route("/assets/{folder}/{name}", _asset, methods=["GET"]),
        ],
        middleware=[Middleware(Guard, port=settings.port, token=settings.token)],
        exception_handlers={sqlite3.Error: _unreadable, 404: _not_found},
        lifespan=_lifespan,
    )
    queries = Queries(run)
    writer = Writer(run, max_bytes=max_bytes)
    app.routes.append(Receiver(writer).route())
    app.state.dashboard = Dashboard(
        settings=settings,
        writer=writer,
        queries=queries,
        live=live,
        stack=Stack(
            runner=Runner(settings.runner_socket),
            scraper=Scraper(settings.endpoints),
            logs=LogReader(settings.logs, writer, _positions(queries), began),
            writer=writer,
            live=live,
        ),
        templates=create_environment(),
    )
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    dashboard: Dashboard = app.state.dashboard
    loop = asyncio.get_running_loop()
    dashboard.writer.on_written = lambda topics: loop.call_soon_threadsafe(
        dashboard.live.notify, topics
    )
    dashboard.writer.start()
    dashboard.stack.start()
    yield
    await dashboard.stack.stop()
    dashboard.writer.on_written = lambda topics: None
    await asyncio.to_thread(dashboard.writer.stop)


def _positions(queries: Queries) -> dict[str, tuple[int, int]]:
    try:
        return queries.positions()
    except sqlite3.Error:  # a new run
        return {}


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "healthy"})


async def _asset(request: Request) -> Response:
    folder, name = request.path_params["folder"], request.path_params["name"]
    path = _PACKAGE / folder / name
    if (
        folder not in ("static", "vendored")
        or path.suffix not in _MEDIA_TYPES
        or not path.is_file()
    ):
        return PlainTextResponse("There is no such file.", 404)
    return FileResponse(
        path, media_type=_MEDIA_TYPES[path.suffix], headers={"cache-control": "no-cache"}
    )


async def _unreadable(request: Request, error: Exception) -> Response:
    """Say that the run's file cannot be read: it is not there yet, or the disk is full or broken."""
    return page(dashboard_of(request), request, "unreadable", reason=str(error), status=503)


async def _not_found(request: Request, error: Exception) -> Response:
    return page(dashboard_of(request), request, "not_found", status=404)
