"""A FastAPI route with a response model."""

from datetime import UTC, datetime

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Health(BaseModel):
    status: str
    service: str
    version: str
    timestamp: datetime


@app.get("/health")
async def health() -> Health:
    return Health(status="healthy", service="peer", version="1.0.0", timestamp=datetime.now(UTC))
