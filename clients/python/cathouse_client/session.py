"""The tokens of a signed-in user, and the rules by which requests get them."""

import time

import httpx

from cathouse_client.errors import UnexpectedResponse, problem_of
from cathouse_client.generated.models import TokenPair

REFRESH_PATH = "/api/v1/auth/refresh"
# These need no access token, and begin or end a session themselves.
_WITHOUT_TOKEN = {f"/api/v1/auth/{name}" for name in ("register", "login", "refresh", "logout")}
_EARLY_SECONDS = 30.0


class Session:
    """Holds the tokens, and decides. It sends nothing itself, so that it serves plain code and asyncio."""

    def __init__(self) -> None:
        self._tokens: TokenPair | None = None
        self._expires = 0.0

    @property
    def tokens(self) -> TokenPair | None:
        return self._tokens

    @tokens.setter
    def tokens(self, tokens: TokenPair | None) -> None:
        self._tokens = tokens
        self._expires = time.monotonic() + tokens.expires_in if tokens else 0.0

    def tokens_for(self, request: httpx.Request) -> TokenPair | None:
        """Return the tokens that this request uses: none for public routes, or where it has a credential."""
        path = request.url.path
        if "Authorization" in request.headers or path in _WITHOUT_TOKEN:
            return None
        return self._tokens

    def ends_soon(self) -> bool:
        """Return whether to refresh before the next request, rather than after a refusal."""
        return time.monotonic() > self._expires - _EARLY_SECONDS

    def is_current(self, tokens: TokenPair) -> bool:
        """Return whether nothing has replaced these tokens: another call may have refreshed them meanwhile."""
        return self._tokens is tokens

    def take(self, response: httpx.Response) -> None:
        """Accept the response of a refresh. Raises its problem; one that refuses the refresh token ends the session."""
        if problem := problem_of(response):
            if problem.status in (401, 403):
                self.tokens = None
            raise problem
        try:
            self.tokens = TokenPair.from_dict(response.json())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnexpectedResponse(response, repr(error)) from error


def authorize(request: httpx.Request, tokens: TokenPair) -> None:
    request.headers["Authorization"] = f"Bearer {tokens.access_token}"


def refuses_token(response: httpx.Response) -> bool:
    """Return whether the platform, and not a cat, refuses the access token."""
    return response.status_code == 401 and problem_of(response) is not None
