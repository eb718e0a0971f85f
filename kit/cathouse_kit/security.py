"""Guards, which decide who may call a route. A service with a route without a guard does not start.

- `dependencies=[Depends(anyone)]`: anyone, without signing in.
- `person: SignedIn`: people who are signed in.
- `viewer: MaybeSignedIn`: anyone. People who are signed in may see more.
- `editor: Editor`: people of a role. Create such a guard with `require_role`.
- `dependencies=[Depends(service_only)]`: other services, for routes below `/internal`.
"""

import hmac
from collections.abc import Callable, Coroutine, Iterable
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cathouse_kit.context import describe_request
from cathouse_kit.platform import IDENTITY_NAME
from cathouse_kit.problems import Forbidden, Unauthenticated
from cathouse_kit.service_context import ServiceContext
from cathouse_kit.tokens import Principal, verify_access_token

F = TypeVar("F", bound=Callable[..., Any])

access_token = HTTPBearer(
    scheme_name="accessToken",
    bearerFormat="JWT",
    description=f"An access token from `/login` or `/refresh` of {IDENTITY_NAME}",
    auto_error=False,
)
_service_token = HTTPBearer(
    scheme_name="serviceToken",
    description="The value of `SERVICE_TOKEN`, which all services share",
    auto_error=False,
)


def guard(who: str) -> Callable[[F], F]:
    """Mark a dependency as a guard. `who` names the callers in a few words, for the documentation."""

    def mark(function: F) -> F:
        function.__guard__ = who  # type: ignore[attr-defined]
        return function

    return mark


@guard("anyone")
async def anyone() -> None:
    """Mark a route as open to all."""


@guard("signed in")
async def signed_in(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(access_token)],
) -> Principal:
    """Return the person who calls. Raises `Unauthenticated` and `AccountDisabled`."""
    if bearer is None:
        raise Unauthenticated
    context: ServiceContext = request.app.state.context
    person = await verify_access_token(
        bearer.credentials, context.platform, context.keys, context.revocations
    )
    describe_request("enduser.id", person.id)
    return person


@guard("anyone")
async def maybe_signed_in(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(access_token)],
) -> Principal | None:
    """Return the person who calls, or None without a token. Raises `Unauthenticated` for an invalid token."""
    if bearer is None and "authorization" not in request.headers:
        return None
    return await signed_in(request, bearer)


def require_role(*roles: StrEnum) -> Callable[[Principal], Coroutine[Any, Any, Principal]]:
    """Return a guard that accepts people of these roles, and raises `Forbidden` for others."""

    @guard(" or ".join(roles))
    async def has_role(person: Annotated[Principal, Depends(signed_in)]) -> Principal:
        if person.role not in roles:
            raise Forbidden(
                f"This requires the role {' or '.join(roles)}. Your role is {person.role}."
            )
        return person

    return has_role


SignedIn = Annotated[Principal, Depends(signed_in)]
MaybeSignedIn = Annotated[Principal | None, Depends(maybe_signed_in)]


@guard("services")
async def service_only(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_service_token)],
) -> None:
    """Accept other services. Raises `Unauthenticated` for other callers."""
    context: ServiceContext = request.app.state.context
    shown = b"" if bearer is None else bearer.credentials.encode()
    # Compare all tokens, so that the time does not reveal which one matched.
    matches = [
        hmac.compare_digest(shown, token.get_secret_value().encode())
        for token in context.settings.service_tokens
    ]
    if not any(matches):
        raise Unauthenticated(
            "This route is for other services. Send the header `Authorization: Bearer SERVICE_TOKEN`."
        )


def unguarded(routes: Iterable[Any]) -> list[str]:
    """Return the routes without a guard, as `GET /path`, and all mounts and nested routers, which cannot have one."""
    found = []
    for route in routes:
        if not isinstance(route, APIRoute):
            found.append(f"{type(route).__name__.strip('_')} {getattr(route, 'path', '')}".strip())
        elif who_may_call(route) is None:
            found += [f"{method} {route.path}" for method in sorted(route.methods or ())]
    return found


def who_may_call(route: APIRoute) -> str | None:
    """Return the callers that the guards of a route name, or None without a guard.

    The guards of the route have priority over the guards that these depend on.
    """
    level = list(route.dependant.dependencies)
    # `skip_anyone` may have removed some of these from the first level.
    calls = [declared.dependency for declared in route.dependencies]
    while level or calls:
        calls += [inner.call for inner in level]
        said = [who for call in calls if (who := getattr(call, "__guard__", None))]
        if said:
            return " and ".join(dict.fromkeys(said))
        level, calls = [deeper for inner in level for deeper in inner.dependencies], []
    return None


def skip_anyone(route: APIRoute) -> None:
    """Remove the guard `anyone` from the dependencies that run, because it only marks the route."""
    dependencies = route.dependant.dependencies
    dependencies[:] = [inner for inner in dependencies if inner.call is not anyone]
