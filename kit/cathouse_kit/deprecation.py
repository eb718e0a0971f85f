"""Routes that are on their way out: what tells callers so, in every answer and in the description.

v1 = APIRouter(prefix="/api/v1/notes", route_class=deprecated(since=…, sunset=…, successor="/api/v2/notes"))
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send


def deprecated(*, since: datetime, sunset: datetime, successor: str) -> type[APIRoute]:
    """The class of a router's routes that are deprecated: `APIRouter(…, route_class=deprecated(…))`.

    From `since` on callers should use what is at `successor`, and at `sunset` the routes may go. Answers, errors
    included, say so by the fields `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` (RFC 8288); the description
    does by `deprecated` and `x-sunset`. The routes answer as before, whatever the time. Raises `ValueError` where a
    moment has no time zone, or the sunset comes first.
    """
    if since.tzinfo is None or sunset.tzinfo is None:
        raise ValueError("since and sunset need a time zone")
    if sunset < since:
        raise ValueError("a route cannot go before it is deprecated (RFC 8594, section 3)")
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
                    # There may be other links.
                    headers.append("Link", f'<{successor}>; rel="successor-version"')
                await send(message)

            await super().handle(scope, receive, send_with_fields)

    return DeprecatedRoute
