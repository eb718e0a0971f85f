"""Registration, sign-in, refresh, sign-out."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar

from cathouse_kit.database import Session
from cathouse_kit.problems import InvalidRequest, TooManyRequests, problem_responses
from cathouse_kit.revocations import AccountDisabled
from cathouse_kit.security import anyone
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.routing import APIRoute

from cathouse_auth.models import Person
from cathouse_auth.resources import ResourcesDep
from cathouse_auth.routers.addresses import address_of
from cathouse_auth.schemas.people import PersonBody, Registration
from cathouse_auth.schemas.sessions import RefreshRequest, SignIn, TokenPair
from cathouse_auth.services import accounts
from cathouse_auth.services.attempts import Attempts
from cathouse_auth.services.errors import (
    EmailTaken,
    InvalidRefreshToken,
    PasswordIsEmail,
    PasswordQueueFull,
    PasswordTooWeak,
    WrongCredentials,
)
from cathouse_auth.services.keys import ACCESS_TOKEN_SECONDS


class LimitedByAddress(APIRoute):
    """A route that counts the caller's address before it reads the body, because parsing and validation cost time."""

    LIMITS: ClassVar[dict[str, Callable[[Attempts, str], Coroutine[Any, Any, None]]]] = {
        "register": Attempts.register_from,
        "login": Attempts.sign_in_from,
    }

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        limit = self.LIMITS.get(self.name)
        if limit is None:
            return handle

        async def limited(request: Request) -> Response:
            await limit(request.app.state.resources.attempts, address_of(request))
            return await handle(request)

        return limited


router = APIRouter(
    prefix="/api/v1/auth",
    tags=["accounts"],
    dependencies=[Depends(anyone)],
    route_class=LimitedByAddress,
)


@router.post(
    "/register",
    status_code=201,
    response_model=PersonBody,
    responses=problem_responses(
        EmailTaken,
        InvalidRequest,
        PasswordIsEmail,
        PasswordTooWeak,
        TooManyRequests,
        PasswordQueueFull,
    ),
    summary="Create an account",
)
async def register(body: Registration, session: Session, resources: ResourcesDep) -> Person:
    await resources.attempts.register(body.email)
    return await accounts.register(
        session,
        resources.passwords,
        email=body.email,
        password=body.password.get_secret_value(),
        display_name=body.display_name,
        role=body.role,
    )


@router.post(
    "/login",
    response_model=TokenPair,
    responses=problem_responses(
        WrongCredentials, AccountDisabled, TooManyRequests, PasswordQueueFull
    ),
    summary="Sign in",
)
async def login(
    form: Annotated[SignIn, Form()],
    request: Request,
    session: Session,
    resources: ResourcesDep,
    response: Response,
) -> TokenPair:
    async with resources.attempts.password(address_of(request), form.username):
        tokens = await accounts.sign_in(
            session,
            resources.passwords,
            resources.keys,
            email=form.username,
            password=form.password.get_secret_value(),
        )
    return _pair(tokens, response)


@router.post(
    "/refresh",
    response_model=TokenPair,
    responses=problem_responses(InvalidRefreshToken, AccountDisabled),
    summary="Exchange a refresh token for a new pair of tokens",
)
async def refresh(
    body: RefreshRequest, session: Session, resources: ResourcesDep, response: Response
) -> TokenPair:
    tokens = await accounts.refresh(session, resources.keys, body.refresh_token.get_secret_value())
    return _pair(tokens, response)


@router.post("/logout", status_code=204, response_model=None, summary="End a session")
async def logout(body: RefreshRequest, session: Session) -> None:
    await accounts.sign_out(session, body.refresh_token.get_secret_value())


def _pair(tokens: accounts.Tokens, response: Response) -> TokenPair:
    response.headers["Cache-Control"] = "no-store"  # RFC 6749, section 5.1
    return TokenPair(
        access_token=tokens.access_token,
        expires_in=ACCESS_TOKEN_SECONDS,
        refresh_token=tokens.refresh_token,
    )
