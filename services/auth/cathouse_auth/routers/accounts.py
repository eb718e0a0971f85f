"""Registration, sign-in, refresh, sign-out."""

from typing import Annotated

from cathouse_kit.database import Session
from cathouse_kit.problems import InvalidRequest, TooManyRequests, problem_responses
from cathouse_kit.security import anyone
from fastapi import APIRouter, Depends, Form, Request, Response

from cathouse_auth.models import Person
from cathouse_auth.resources import Resources
from cathouse_auth.schemas.people import PersonBody, Registration
from cathouse_auth.schemas.sessions import RefreshRequest, SignIn, TokenPair
from cathouse_auth.services import accounts
from cathouse_auth.services.errors import (
    AccountDisabled,
    EmailTaken,
    InvalidRefreshToken,
    PasswordIsEmail,
    WrongCredentials,
)
from cathouse_auth.services.keys import ACCESS_TOKEN_SECONDS

router = APIRouter(prefix="/api/v1/auth", tags=["accounts"], dependencies=[Depends(anyone)])


@router.post(
    "/register",
    status_code=201,
    response_model=PersonBody,
    responses=problem_responses(EmailTaken, InvalidRequest, PasswordIsEmail, TooManyRequests),
    summary="Make an account",
)
async def register(
    body: Registration, request: Request, session: Session, auth: Resources
) -> Person:
    await auth.attempts.register(_address(request), body.email)
    return await accounts.register(
        session,
        auth.passwords,
        email=body.email,
        password=body.password.get_secret_value(),
        display_name=body.display_name,
        role=body.role,
    )


@router.post(
    "/login",
    response_model=TokenPair,
    responses=problem_responses(WrongCredentials, AccountDisabled, TooManyRequests),
    summary="Sign in",
)
async def login(
    form: Annotated[SignIn, Form()],
    request: Request,
    session: Session,
    auth: Resources,
    response: Response,
) -> TokenPair:
    await auth.attempts.sign_in(_address(request), form.username)
    tokens = await accounts.sign_in(
        session,
        auth.passwords,
        auth.keys,
        email=form.username,
        password=form.password.get_secret_value(),
    )
    return _pair(tokens, response)


@router.post(
    "/refresh",
    response_model=TokenPair,
    responses=problem_responses(InvalidRefreshToken, AccountDisabled),
    summary="Trade a refresh token for a new pair",
)
async def refresh(
    body: RefreshRequest, session: Session, auth: Resources, response: Response
) -> TokenPair:
    tokens = await accounts.refresh(session, auth.keys, body.refresh_token.get_secret_value())
    return _pair(tokens, response)


@router.post("/logout", status_code=204, response_model=None, summary="End a session")
async def logout(body: RefreshRequest, session: Session) -> None:
    await accounts.sign_out(session, body.refresh_token.get_secret_value())


def _address(request: Request) -> str:
    # There is none where the server listens on a Unix socket; then all callers count as one.
    return request.client.host if request.client else ""


def _pair(tokens: accounts.Tokens, response: Response) -> TokenPair:
    response.headers["Cache-Control"] = "no-store"  # RFC 6749, section 5.1
    return TokenPair(
        access_token=tokens.access_token,
        expires_in=ACCESS_TOKEN_SECONDS,
        refresh_token=tokens.refresh_token,
    )
