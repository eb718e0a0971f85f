"""Deprecated routes: headers in every response, and a mark in the API's description.

v1 = APIRouter(prefix="/api/v1/notes", route_class=deprecated(since=…, sunset=…, successor="/api/v2/notes"))
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send


def deprecated(*, since: datetime, sunset: datetime, successor: str) -> type[APIRoute]:
    """Return the class of a router's deprecated routes: `APIRouter(…, route_class=deprecated(…))`.

    From `since` on, callers should use the routes at `successor`. At `sunset`, the deprecated routes may be removed.
    All responses, including errors, have the headers `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` (RFC
    8288). The description has `deprecated` and `x-sunset`. The routes keep working at any time. Raises `ValueError` if
    a time has no time zone, or if `sunset` is before `since`.
    """
    if since.tzinfo is None or sunset.tzinfo is None:
        raise ValueError("since and sunset must have a time zone")
    if sunset < since:
        raise ValueError("sunset must not be before since (RFC 8594, section 3)")
    fields = {
        "Deprecation": f"@{int(since.timestamp())}",
        "Sunset": format_datetime(sunset.astimezone(UTC), usegmt=True),
    }

    class DeprecatedRoute(APIRoute):
        def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
            described = {"x-sunset": sunset.astimezone(UTC).date().isoformat()}
            options["openapi_extra"] = (options.get("openapi_extra") or {}) | described
            super().__init__(path, endpoint, **options | {"deprecated": True})

        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def send_with_fields(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = MutableHeaders(scope=message)
                    headers.update(fields)
                    # Append, because the response may have other links.
                    headers.append("Link", f'<{successor}>; rel="successor-version"')
                await send(message)

            await super().handle(scope, receive, send_with_fields)

    return DeprecatedRoute
