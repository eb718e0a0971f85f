"""API: the descriptions of all services in one page. Calls that are tried out there pass through this process, because
the services allow no other origin.
"""

import json
from collections.abc import Iterable
from importlib.resources import files

import httpx
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cathouse_dashboard.dashboard import Dashboard, dashboard_of
from cathouse_dashboard.guard import POLICY, TOKEN_HEADER
from cathouse_dashboard.settings import Endpoint
from cathouse_dashboard.templating import page

_SECONDS = 40.0
_MAX_BODY_BYTES = 4 * 1024 * 1024
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# These headers belong to this connection, or are for this process alone.
_NOT_SENT_ON = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "cookie",
        "origin",
        "referer",
        TOKEN_HEADER,
    }
)
_NOT_SENT_BACK = frozenset(
    {
        "connection",
        "content-length",
        "transfer-encoding",
        "content-encoding",
        "set-cookie",
        "keep-alive",
    }
)
# Swagger UI comes with the kit, and styles its elements one by one.
_SWAGGER_UI = files("cathouse_kit") / "swagger_ui"
_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


def routes() -> list[Route]:
    return [
        Route("/api", _api, methods=["GET"]),
        Route("/api/{service}/openapi.json", _description, methods=["GET"]),
        Route("/assets/swagger-ui/{name}", _asset, methods=["GET"]),
        Route("/call/{service}/{path:path}", _call, methods=_METHODS),
    ]


async def _api(request: Request) -> Response:
    dashboard = dashboard_of(request)
    names = dashboard.service_names
    chosen = request.query_params.get("service", names[0])
    response = page(
        dashboard, request, "api", services=names, chosen=chosen if chosen in names else names[0]
    )
    response.headers["content-security-policy"] = _POLICY
    return response


async def _description(request: Request) -> Response:
    """Return a service's description, with this process as the server to call."""
    endpoint = _endpoint(dashboard_of(request), request.path_params["service"])
    if endpoint is None:
        return PlainTextResponse("There is no such service.", 404)
    try:
        async with _client() as client:
            answer = await client.get(f"{endpoint.url}/api/v1/openapi.json")
            description = answer.raise_for_status().json()
    except (httpx.HTTPError, json.JSONDecodeError):
        return PlainTextResponse(f"{endpoint.name} does not answer. Its log says why.", 503)
    return JSONResponse(description | {"servers": [{"url": f"/call/{endpoint.name}"}]})


async def _call(request: Request) -> Response:
    endpoint = _endpoint(dashboard_of(request), request.path_params["service"])
    if endpoint is None:
        return PlainTextResponse("There is no such service.", 404)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BODY_BYTES:
            return PlainTextResponse(f"At most {_MAX_BODY_BYTES} bytes can be tried out here.", 413)
    # As it was sent: a path parameter may hold an encoded slash.
    raw_path = request.scope["raw_path"].decode("latin-1").split("/", 3)[3]
    query = f"?{request.url.query}" if request.url.query else ""
    try:
        async with _client() as client:
            answer = await client.request(
                request.method,
                f"{endpoint.url}/{raw_path}{query}",
                headers=_without(request.headers.items(), _NOT_SENT_ON),
                content=body or None,
            )
    except httpx.HTTPError as error:
        return PlainTextResponse(f"{endpoint.name} does not answer: {error!r}", 502)
    return Response(
        answer.content, answer.status_code, headers=_without(answer.headers.items(), _NOT_SENT_BACK)
    )


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _FILES:
        return PlainTextResponse("There is no such file.", 404)
    return FileResponse(
        str(_SWAGGER_UI / name), media_type=_FILES[name], headers={"cache-control": "no-cache"}
    )


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=_SECONDS, trust_env=False, follow_redirects=False)


def _endpoint(dashboard: Dashboard, name: str) -> Endpoint | None:
    return next((endpoint for endpoint in dashboard.endpoints if endpoint.name == name), None)


def _without(headers: Iterable[tuple[str, str]], names: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in names}
