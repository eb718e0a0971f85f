"""A FastAPI route that passes a call on to the cat with aiohttp."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from fastapi import FastAPI, Request, Response


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(auto_decompress=False) as app.state.client:
        yield


app = FastAPI(lifespan=lifespan)


@app.api_route("/{path:path}", methods=["GET", "POST"])
async def pass_on(path: str, request: Request) -> Response:
    async with app.state.client.request(
        request.method,
        f"{os.environ['CAT_URL']}/{path}",
        data=await request.body(),
        headers={"Accept": request.headers.get("accept", "*/*")},
    ) as answer:
        media_type = answer.headers.get("Content-Type")
        return Response(await answer.read(), answer.status, media_type=media_type)
