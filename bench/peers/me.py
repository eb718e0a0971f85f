"""A FastAPI route that checks an access token with PyJWT and reads one row."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
import jwt
from fastapi import Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.keys = jwt.PyJWKClient(os.environ["JWKS_URL"])
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"])
    yield


app = FastAPI(lifespan=lifespan)


class Me(BaseModel):
    id: UUID
    email: str
    display_name: str
    role: str
    created_at: datetime


@app.get("/me")
async def me(bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> Me:
    key = app.state.keys.get_signing_key_from_jwt(bearer.credentials)
    claims = jwt.decode(bearer.credentials, key, algorithms=["EdDSA"], audience="cathouse")
    return Me(**await app.state.pool.fetchrow("select * from people where id = $1", claims["sub"]))
