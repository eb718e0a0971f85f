"""The client of Cat House: `CatHouse` for plain code, `AsyncCatHouse` for asyncio, and the models of the API."""

from cathouse_client.client import AsyncCatHouse, CatHouse
from cathouse_client.errors import (
    CatHouseError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProblemError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnexpectedResponse,
    Unreachable,
)
from cathouse_client.pages import aiterate, iterate

__all__ = [
    "AsyncCatHouse",
    "CatHouse",
    "CatHouseError",
    "Conflict",
    "Forbidden",
    "InvalidRequest",
    "NotFound",
    "ProblemError",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "UnexpectedResponse",
    "Unreachable",
    "aiterate",
    "iterate",
]
