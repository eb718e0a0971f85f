"""Access to the dashboard: it is for the developer at this machine alone.

It listens on loopback only. Any web page in the developer's browser can still send requests there, hence these rules:

- `Host` must be a name of this machine. A foreign name that leads here is refused (DNS rebinding).
- The first address has a token, which becomes a cookie that scripts cannot read.
- Each change is a POST with the token in a header. No other page can set it, because no response allows that (CORS).
- Only `/v1/traces` needs no token, for programs that export spans; it refuses requests of browsers.
"""

import hmac
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse_dashboard.receiver import PATH as OTLP_PATH

TOKEN_HEADER = "x-cathouse-token"  # noqa: S105 - a name
OPEN_PREFIX = "/assets/"
_SAFE = frozenset({"GET", "HEAD"})
_NAMES = ("127.0.0.1", "localhost")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self.app = app
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        self._origins = {f"http://{host}" for host in self._hosts}
        self._token = token
        # Cookies know no ports: two stacks on one machine must not take each other's.
        self._cookie = f"cathouse_dashboard_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the response to a request that the app does not get; None where it does."""
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        if headers.get("host") not in self._hosts:
            return PlainTextResponse("Open this at 127.0.0.1, with the port of the stack.", 421)
        if path == OTLP_PATH:
            foreign = "origin" in headers or "sec-fetch-site" in headers
            return (
                PlainTextResponse("This address is for programs, not for browsers.", 403)
                if foreign
                else None
            )
        if path.startswith(OPEN_PREFIX) and method in _SAFE:
            return None
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if method in _SAFE and self._is_token(query.get("token", "")):
            return self._enter(path, query)
        if not self._is_token(self._cookie_of(headers)):
            return PlainTextResponse(
                "Open the dashboard by the address that `make up` and `make status` print: it has a token.",
                401,
            )
        if method not in _SAFE and not (
            self._is_token(headers.get(TOKEN_HEADER, ""))
            and headers.get("origin", next(iter(self._origins))) in self._origins
        ):
            return PlainTextResponse("Reload the page, and try again.", 403)
        return None

    def _enter(self, path: str, query: dict[str, str]) -> Response:
        """Keep the token as a cookie, and lead to the same page without it."""
        rest = {name: value for name, value in query.items() if name != "token"}
        target = f"/{path.lstrip('/')}" + (f"?{urlencode(rest)}" if rest else "")
        response = RedirectResponse(target, 303)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return response

    def _cookie_of(self, headers: Mapping[str, str]) -> str:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return morsel.value if morsel else ""

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self._token.encode())


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *(
                    (name.encode(), value.encode())
                    for name, value in _HEADERS.items()
                    if name.encode() not in given
                ),
            ]
        await send(message)

    return send_with_headers
