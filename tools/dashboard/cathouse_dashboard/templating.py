"""Renders pages: one base, the same navigation and the same problems at the top of each."""

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cathouse_dashboard import formats
from cathouse_dashboard.charts import value_text

if TYPE_CHECKING:
    from cathouse_dashboard.dashboard import Dashboard

PAGES = (
    ("overview", "/", "Overview"),
    ("traces", "/traces", "Traces"),
    ("logs", "/logs", "Logs"),
    ("metrics", "/metrics", "Metrics"),
    ("database", "/database", "Database"),
    ("api", "/api", "API"),
)
RANGES = (5, 15, 60, 240)
"""Minutes that the pages show."""
DEFAULT_RANGE = 15


def create_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(str(files("cathouse_dashboard") / "templates"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=formats.duration_text,
        seconds=formats.seconds_text,
        age=formats.age_text,
        clock=formats.clock_text,
        date=formats.date_text,
        level=formats.level_text,
        short=formats.short,
        unit=value_text,
    )
    environment.globals.update(pages=PAGES, ranges=RANGES, address=address)
    return environment


def address(path: str, **values: object) -> str:
    """Return a path with the values that are not empty as its query."""
    query = urlencode(
        {name: value for name, value in values.items() if value not in ("", None, 0, False)}
    )
    return f"{path}?{query}" if query else path


def minutes_of(request: Request) -> int:
    """Return the time range that the address names, or the default one."""
    text = request.query_params.get("minutes", "")
    return (
        int(text)
        if text.isascii() and text.isdigit() and 0 < int(text[:6]) <= 24 * 60
        else DEFAULT_RANGE
    )


def page(dashboard: "Dashboard", request: Request, name: str, **values: Any) -> HTMLResponse:
    """Render the template of a page."""
    status = values.pop("status", 200)
    template = dashboard.templates.get_template(f"{name}.html")
    minutes = minutes_of(request)
    known: Mapping[str, Any] = {
        "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "minutes": minutes,
        "token": dashboard.settings.token,
        "problems": dashboard.problems(),
        "service_class": dashboard.service_class,
        "folder": os.path.basename(os.getcwd()),
    }
    return HTMLResponse(template.render({**known, **values}), status_code=status)
