"""The proxied calls themselves: any path below an installation goes to its cat."""

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
    """Like Starlette's `path`, and line ends too: they are to be refused by the admission, and recorded."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())

_credential = HTTPBearer(
    scheme_name="installationCredential",
    description="The credential of an installation, which was shown when it was adopted",
    auto_error=False,
)
Bearer = HTTPAuthorizationCredentials | None


@guard("an installation, or its owner")
async def installation_or_owner(
    _person: Annotated[Bearer, Depends(access_token)],
    _installation: Annotated[Bearer, Depends(_credential)],
) -> None:
    """Describes who may call. The admission decides it."""


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    await scope["app"].state.resources.exchange.answer(scope, receive, send)


class _ProxiedRoute(APIRoute):
    """A route that FastAPI describes, and whose requests go to the exchange as they came: bodies stream."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = _answer


async def call_cat(
    installation_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],
    path: Annotated[str, Path(description="Below the cat's endpoint", examples=["tasks"])],
) -> None:
    """Passes the request on to the installation's cat, and the cat's answer back.

    Checked in this order: who calls (401), whose installation it is (404), that its owner is not disabled, its status
    and the cat's (403), the request itself (400, 413, 414, 431), the scope that opens this method and path (403,
    `scope` names it), the rate (429), the cat's circuit (503). Each call of a known installation is in the audit before
    the first byte of its answer leaves. Calls without a valid credential are limited by address (429) and counted, not
    stored.

    A path with `.` or `..` segments, empty segments, encoded slashes, dots or control characters, backslashes or a
    second layer of percent-encoding is refused, and so are WebSockets. Only unreserved characters are decoded in the
    path. The most specific template that matches it decides which scope opens the call.

    Both ways, only listed headers pass, and those whose names begin with `X-Cat-`. Responses are `private` for caches.
    `Location`, `Content-Location` and `Link` lead to the same cat through the proxy or out of the platform; addresses
    of the platform are dropped. Redirects are not followed.
    """


def _description(method: str) -> dict[str, Any]:
    answer = {"description": "Whatever the cat answers", "content": {"*/*": {"schema": {}}}}
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
