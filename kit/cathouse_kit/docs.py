"""The API's description, and the page at `/api/v1/docs`: Swagger UI with assets of the kit, which works offline."""

import hashlib
import importlib.resources
import re
from base64 import b64encode
from functools import cache

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, JSONResponse, Response

from cathouse_kit.problems import NotFound
from cathouse_kit.security import anyone

OPENAPI_PATH = "/api/v1/openapi.json"
DOCS_PATH = "/api/v1/docs"
ASSETS_PATH = f"{DOCS_PATH}/assets"

_ASSETS = importlib.resources.files("cathouse_kit") / "swagger_ui"
_SCRIPT, _STYLE, _ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"
# Not from the mimetypes module: its types depend on the version and on files of the machine. RFC 9239 has scripts.
_MEDIA_TYPES = {_SCRIPT: "text/javascript", _STYLE: "text/css", _ICON: "image/png"}


def docs_router(title: str) -> APIRouter:
    """Return the routes of the description, the page and its assets. The page loads nothing from other origins."""
    router = APIRouter(dependencies=[Depends(anyone)], include_in_schema=False)
    page = get_swagger_ui_html(
        openapi_url=OPENAPI_PATH,
        title=title,
        swagger_js_url=f"{ASSETS_PATH}/{_SCRIPT}",
        swagger_css_url=f"{ASSETS_PATH}/{_STYLE}",
        swagger_favicon_url=f"{ASSETS_PATH}/{_ICON}",
        swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
    )

    page.headers["Content-Security-Policy"] = _policy(bytes(page.body).decode())

    @router.get(OPENAPI_PATH)
    async def openapi(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    @router.get(DOCS_PATH)
    async def docs() -> HTMLResponse:
        return page

    @router.get(f"{ASSETS_PATH}/{{name}}")
    async def asset(name: str, request: Request) -> Response:
        if name not in _MEDIA_TYPES:
            raise NotFound
        content, etag = _read_asset(name)
        # Assets change with the kit. A browser requests them each time, and gets 304 while they are unchanged.
        headers = {"ETag": etag, "Cache-Control": "public, no-cache", "Accept-Ranges": "none"}
        if _names(request.headers.getlist("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=_MEDIA_TYPES[name])

    return router


@cache
def _read_asset(name: str) -> tuple[bytes, str]:
    """Return an asset with its entity tag."""
    content = (_ASSETS / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _names(if_none_match: list[str], etag: str) -> bool:
    """Return whether `If-None-Match` names this entity tag, by weak comparison (RFC 9110, section 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for value in if_none_match for tag in value.split(",")]
    return etag in tags or "*" in tags


def _policy(html: str) -> str:
    """Return the `Content-Security-Policy` of the page. It allows the page's own files and its inline script."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = [
        f"'sha256-{b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts
    ]
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {' '.join(hashes)}",
            # Swagger UI sets the style of single elements.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
