"""Each service's `/metrics` and readiness, each few seconds."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from cathouse_dashboard.records import Sample
from cathouse_dashboard.settings import Endpoint

PERIOD_SECONDS = 5.0
_SECONDS = 3.0
_SEPARATOR = "\x1f"
# Of one service: a service with more is not one of ours.
_MAX_SERIES = 5_000


@dataclass(frozen=True, slots=True)
class Readiness:
    """The state of a service, as it reports it."""

    state: str
    """`ready`, `not ready` or `down`."""
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: str = ""

    @property
    def ready(self) -> bool:
        return self.state == "ready"


class Scraper:
    """Asks all services at once. `transport` replaces the network in tests."""

    def __init__(
        self, endpoints: Sequence[Endpoint], *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._endpoints = endpoints
        self._client = httpx.AsyncClient(timeout=_SECONDS, trust_env=False, transport=transport)

    async def scrape(self) -> list[Sample]:
        """Return a sample of each service that responds."""
        samples = await asyncio.gather(*map(self._sample, self._endpoints))
        return [sample for sample in samples if sample is not None]

    async def readiness(self) -> dict[str, Readiness]:
        """Return how each service is, by its name."""
        found = await asyncio.gather(*map(self._readiness, self._endpoints))
        return {
            endpoint.name: state for endpoint, state in zip(self._endpoints, found, strict=True)
        }

    async def close(self) -> None:
        await self._client.aclose()

    async def _sample(self, endpoint: Endpoint) -> Sample | None:
        try:
            answer = await self._client.get(f"{endpoint.url}/metrics")
            answer.raise_for_status()
            return Sample(time.time_ns(), endpoint.name, parse_metrics(answer.text))
        except (httpx.HTTPError, ValueError):
            return None

    async def _readiness(self, endpoint: Endpoint) -> Readiness:
        try:
            answer = await self._client.get(f"{endpoint.url}/health/ready")
            body = answer.json()
            state = "ready" if answer.status_code == 200 else "not ready"
            return Readiness(state, dict(body["checks"]))
        except httpx.HTTPError:
            return Readiness("down")
        except (ValueError, KeyError, TypeError):
            return Readiness("another program answers")


def parse_metrics(text: str) -> dict[str, float]:
    """Return the series of Prometheus' text format, by `series_key`. Raises `ValueError`."""
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue
            values[series_key(sample.name, sample.labels)] = sample.value
            if len(values) >= _MAX_SERIES:
                return values
    return values


def series_key(name: str, labels: dict[str, str]) -> str:
    return _SEPARATOR.join((name, *(f"{key}={value}" for key, value in labels.items())))


def read_key(key: str) -> tuple[str, dict[str, str]]:
    """Return the name and the labels of a series."""
    name, *labels = key.split(_SEPARATOR)
    return name, dict(label.split("=", 1) for label in labels)
