"""The description, and the page at `/api/v1/docs`: Swagger UI, with assets that come with the kit, so that it works
with no internet."""

import importlib.resources
from pathlib import Path

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse, JSONResponse

from cathouse_kit.problems import NotFound
from cathouse_kit.security import anyone

OPENAPI_PATH = "/api/v1/openapi.json"
DOCS_PATH = "/api/v1/docs"
ASSETS_PATH = f"{DOCS_PATH}/assets"

_ASSETS = Path(str(importlib.resources.files("cathouse_kit"))) / "swagger_ui"
_SCRIPT, _STYLE, _ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"


def docs_router(title: str) -> APIRouter:
    """The description, the page and its assets. The page loads nothing from elsewhere."""
    router = APIRouter(dependencies=[Depends(anyone)], include_in_schema=False)
    page = get_swagger_ui_html(
        openapi_url=OPENAPI_PATH,
        title=title,
        swagger_js_url=f"{ASSETS_PATH}/{_SCRIPT}",
        swagger_css_url=f"{ASSETS_PATH}/{_STYLE}",
        swagger_favicon_url=f"{ASSETS_PATH}/{_ICON}",
        swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
    )

    @router.get(OPENAPI_PATH)
    async def openapi(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    @router.get(DOCS_PATH)
    async def docs() -> HTMLResponse:
        return page

    @router.get(f"{ASSETS_PATH}/{{name}}")
    async def asset(name: str) -> FileResponse:
        if name not in (_SCRIPT, _STYLE, _ICON):
            raise NotFound
        return FileResponse(_ASSETS / name)

    return router
