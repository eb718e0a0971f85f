"""Who may call a route. Every route names one guard; a service with a route that names none does not start.

@router.get("/notes", dependencies=[Depends(anyone)])     no one needs to sign in
async def me(person: SignedIn) -> ...                     people who are signed in
async def note(viewer: MaybeSignedIn) -> ...              anyone; people who are signed in may see more
async def approve(editor: Editor) -> ...                  people of a role; Editor is a guard of `require_role`
@router.get("/internal/…", dependencies=[Depends(service_only)])   other services
"""

import hmac
from collections.abc import Callable, Coroutine, Iterable
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cathouse_kit.platform import IDENTITY_NAME
from cathouse_kit.problems import Forbidden, Unauthenticated
from cathouse_kit.service_context import ServiceContext
from cathouse_kit.tokens import Principal, verify_access_token

F = TypeVar("F", bound=Callable[..., Any])

access_token = HTTPBearer(
    scheme_name="accessToken",
    bearerFormat="JWT",
    description=f"A person's access token, from {IDENTITY_NAME}'s `/login` or `/refresh`",
    auto_error=False,
)
_service_token = HTTPBearer(
    scheme_name="serviceToken",
    description="The `SERVICE_TOKEN` that the services share",
    auto_error=False,
)


def guard(who: str) -> Callable[[F], F]:
    """Marks a dependency as one that decides who may call; `who` says it in a word or two, for documentation."""

    def mark(function: F) -> F:
        function.__guard__ = who  # type: ignore[attr-defined]
        return function

    return mark


@guard("anyone")
async def anyone() -> None:
    """Says that a route is open to all."""


@guard("signed in")
async def signed_in(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(access_token)],
) -> Principal:
    """The person who calls. Raises `Unauthenticated` and `AccountDisabled`."""
    if bearer is None:
        raise Unauthenticated
    context: ServiceContext = request.app.state.context
    return await verify_access_token(
        bearer.credentials, context.platform, context.keys, context.revocations
    )


@guard("anyone")
async def maybe_signed_in(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(access_token)],
) -> Principal | None:
    """The person who calls; None where no one signs in. Raises `Unauthenticated` for a token that is not good."""
    if bearer is None and "authorization" not in request.headers:
        return None
    return await signed_in(request, bearer)


def require_role(*roles: StrEnum) -> Callable[[Principal], Coroutine[Any, Any, Principal]]:
    """A guard that lets people of these roles pass; others get `Forbidden`."""

    @guard(" or ".join(roles))
    async def has_role(person: Annotated[Principal, Depends(signed_in)]) -> Principal:
        if person.role not in roles:
            raise Forbidden(f"This is for the role {' or '.join(roles)}; yours is {person.role}.")
        return person

    return has_role


SignedIn = Annotated[Principal, Depends(signed_in)]
MaybeSignedIn = Annotated[Principal | None, Depends(maybe_signed_in)]


@guard("services")
async def service_only(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_service_token)],
) -> None:
    """Lets other services pass. Raises `Unauthenticated`."""
    context: ServiceContext = request.app.state.context
    shown = b"" if bearer is None else bearer.credentials.encode()
    # All are compared, so that the time tells nobody which one was nearest.
    matches = [
        hmac.compare_digest(shown, token.get_secret_value().encode())
        for token in context.settings.service_tokens
    ]
    if not any(matches):
        raise Unauthenticated("This is for other services: Authorization: Bearer SERVICE_TOKEN.")


def unguarded(routes: Iterable[Any]) -> list[str]:
    """The routes that name no guard, as `GET /path`, and whatever cannot name one: mounts, routers in routers."""
    found = []
    for route in routes:
        if not isinstance(route, APIRoute):
            found.append(f"{type(route).__name__.strip('_')} {getattr(route, 'path', '')}".strip())
        elif who_may_call(route) is None:
            found += [f"{method} {route.path}" for method in sorted(route.methods or ())]
    return found


def who_may_call(route: APIRoute) -> str | None:
    """What the guards of a route say, those of the route itself before those that they build on; None without any."""
    level = list(route.dependant.dependencies)
    # `skip_anyone` may have taken some of these out of the first level.
    calls = [declared.dependency for declared in route.dependencies]
    while level or calls:
        calls += [inner.call for inner in level]
        said = [who for call in calls if (who := getattr(call, "__guard__", None))]
        if said:
            return " and ".join(dict.fromkeys(said))
        level, calls = [deeper for inner in level for deeper in inner.dependencies], []
    return None


def skip_anyone(route: APIRoute) -> None:
    """Let requests to a route pass `anyone` by: it marks the route, and there is nothing to check."""
    dependencies = route.dependant.dependencies
    dependencies[:] = [inner for inner in dependencies if inner.call is not anyone]
