import httpx
import pytest
from cathouse_dashboard.guard import TOKEN_HEADER
from starlette.applications import Starlette

from .support import HOST, TOKEN

PAGES = (
    "/",
    "/traces",
    "/logs",
    "/metrics",
    "/database",
    "/api",
    "/events",
    "/traces/x",
    "/nothing",
)


@pytest.fixture
def stranger(client: httpx.AsyncClient, app: Starlette) -> httpx.AsyncClient:
    """A client without the cookie."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{HOST}")


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_is_shown_without_the_token(stranger: httpx.AsyncClient, path: str) -> None:
    response = await stranger.get(path)
    assert (response.status_code, "make up" in response.text) == (401, True)
    response = await stranger.get(f"{path}?token=guessed")
    assert response.status_code == 401


async def test_the_first_address_leaves_a_cookie_and_leads_to_the_page(
    stranger: httpx.AsyncClient,
) -> None:
    response = await stranger.get(f"/traces?service=auth&token={TOKEN}")
    assert (response.status_code, response.headers["location"]) == (303, "/traces?service=auth")
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert (await stranger.get("/api")).status_code == 200


async def test_the_first_address_leads_to_no_other_host(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get(f"http://{HOST}//evil.example/?token={TOKEN}")
    assert response.headers["location"].startswith("/evil.example")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8001", "127.0.0.1", "127.0.0.1:9", ""]
)
async def test_another_host_name_that_leads_here_is_refused(
    client: httpx.AsyncClient, host: str
) -> None:
    for path in ("/", "/assets/static/style.css"):
        assert (await client.get(path, headers={"Host": host})).status_code == 421
    response = await client.post("/v1/traces", headers={"Host": host})
    assert response.status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {TOKEN_HEADER: "guessed"},
        {TOKEN_HEADER: TOKEN, "Origin": "http://evil.example"},
        {TOKEN_HEADER: TOKEN, "Origin": "http://127.0.0.1:8005"},
        {TOKEN_HEADER: TOKEN, "Origin": "null"},
    ],
)
async def test_nothing_is_changed_without_the_token_in_a_header_or_from_another_page(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    for path in ("/processes/auth/restart", "/call/auth/api/v1/auth/login"):
        assert (await client.post(path, headers=headers)).status_code == 403


async def test_buttons_are_no_links(client: httpx.AsyncClient) -> None:
    assert (await client.get("/processes/auth/restart")).status_code == 405


@pytest.mark.parametrize("path", [*PAGES[:6], "/nothing", "/assets/static/app.js"])
async def test_every_response_forbids_inline_scripts_frames_and_other_origins(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)
    policy = response.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert not any(name.startswith("access-control") for name in response.headers)
    if response.headers["content-type"].startswith("text/html"):
        assert "<script>" not in response.text
        assert " style=" not in response.text
        assert " onclick" not in response.text


async def test_assets_are_those_of_the_package_alone(client: httpx.AsyncClient) -> None:
    assert (await client.get("/assets/vendored/htmx.min.js")).status_code == 200
    for path in (
        "/assets/templates/base.html",
        "/assets/static/..%2Fapp.py",
        "/assets/vendored/README.md",
        "/assets/swagger-ui/LICENSE",
    ):
        assert (await client.get(path)).status_code == 404
