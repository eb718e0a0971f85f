"""The routes of proxied calls: any path below an installation goes to its cat."""

from typing import Annotated, Any

from cathouse_kit.problems import BodyTooLarge, TooManyRequests, problem_responses
from cathouse_kit.revocations import AccountDisabled
from cathouse_kit.security import access_token, guard
from fastapi import APIRouter, Depends, Path, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.convertors import Convertor, register_url_convertor
from starlette.types import Receive, Scope, Send

from cathouse_proxy.services import errors
from cathouse_proxy.services.call import PREFIX

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


class _Anything(Convertor[str]):
    """Like Starlette's `path`, but also matches line ends: the admission refuses them, and the audit records it."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())

_credential = HTTPBearer(
    scheme_name="installationCredential",
    description="The credential of an installation. The response to the adoption shows it once",
    auto_error=False,
)
Bearer = HTTPAuthorizationCredentials | None


@guard("an installation, or its owner")
async def installation_or_owner(
    _person: Annotated[Bearer, Depends(access_token)],
    _installation: Annotated[Bearer, Depends(_credential)],
) -> None:
    """Describe in the API who may call. The admission checks it."""


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    await scope["app"].state.resources.exchange.answer(scope, receive, send)


class _ProxiedRoute(APIRoute):
    """A route that FastAPI only describes. Its requests go to the exchange unparsed, so bodies stream."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = _answer


async def call_cat(
    installation_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],
    path: Annotated[str, Path(description="Path below the cat's endpoint", examples=["tasks"])],
) -> None:
    """Forward the request to the installation's cat, and return the cat's response.

    The proxy checks each call in this order:

    1. the credential or access token (401)
    2. that the installation belongs to the caller (404)
    3. that the owner's account is not disabled, and the status of the installation and of the cat (403)
    4. the request itself (400, 413, 414, 431)
    5. that a granted scope allows this method and path (403; the member `scope` names the missing one)
    6. the rate limit (429)
    7. the cat's circuit breaker (503)

    The audit records each call of a known installation before the first byte of the response is sent. Calls without a
    valid credential are limited by address (429) and counted, but not recorded.

    The proxy refuses paths with `.` or `..` segments, empty segments, backslashes, or a second layer of
    percent-encoding. It also refuses encoded slashes, dots and control characters, and WebSockets. Only unreserved
    characters are decoded in the path. The most specific template that matches the path decides which scope is needed.

    In both directions, only headers on a list pass, and headers with names that begin with `X-Cat-`. Responses are
    always `private` for caches. `Location`, `Content-Location` and `Link` point to the same cat through the proxy, or
    outside the platform. Other addresses of the platform are removed. The proxy follows no redirects.
    """


def _description(method: str) -> dict[str, Any]:
    answer = {"description": "The cat's response", "content": {"*/*": {"schema": {}}}}
    described: dict[str, Any] = {"responses": {"200": answer, "default": answer}}
    if method in _WITH_BODY:
        described["requestBody"] = {"content": {"*/*": {"schema": {}}}, "required": False}
    return described


router = APIRouter(
    prefix=PREFIX,
    tags=["calls"],
    dependencies=[Depends(installation_or_owner)],
    route_class=_ProxiedRoute,
)
for _method in METHODS:
    router.add_api_route(
        "/{installation_id}/{path:anything}",
        call_cat,
        methods=[_method],
        name=f"call_cat_{_method.lower()}",
        summary=f"Call a cat with {_method}",
        response_class=Response,
        response_model=None,
        responses=problem_responses(
            errors.UnknownCredential,
            errors.InstallationNotFound,
            AccountDisabled,
            errors.OwnerDisabled,
            errors.InstallationPaused,
            errors.InstallationUninstalled,
            errors.CatSuspended,
            errors.RequestRefused,
            errors.CallerTooSlow,
            BodyTooLarge,
            errors.TargetTooLong,
            errors.HeadersTooLarge,
            errors.ScopeMissing,
            TooManyRequests,
            errors.CatCutOff,
            errors.CatUnreachable,
            errors.CatAddressRefused,
            errors.CatAnswerBroken,
            errors.CatAnswerTooLarge,
            errors.CatTimedOut,
        ),
        openapi_extra=_description(_method),
    )
