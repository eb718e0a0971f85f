"""Limits on the memory for request bodies, for each address and for the whole process."""

from collections import Counter

from fastapi import HTTPException

from cathouse_kit.addresses import network_of
from cathouse_kit.problems import ServiceUnavailable

UNCOUNTED_BYTES = 16 * 1024
"""The first bytes of each body, which are not counted. So ordinary requests always pass; connections are limited."""
PROCESS_BYTES = 32 * 1024 * 1024
NETWORK_BYTES = PROCESS_BYTES // 4


class TooManyLargeBodies(ServiceUnavailable, HTTPException):  # type: ignore[misc]
    # Also an HTTPException, because FastAPI re-raises only those when it reads a body.
    title = "Too many large bodies"

    def __init__(self) -> None:
        detail = "Too many large request bodies are in progress. Try again after the seconds in the Retry-After header."
        ServiceUnavailable.__init__(self, detail)
        self.status_code = self.status


class BodyMemory:
    """The bytes of request bodies in the memory of one process, beyond the first 16 KiB of each body.

    All requests together may hold 32 MiB. The requests of one address (for IPv6, a /64 network) may hold 8 MiB.
    """

    def __init__(self) -> None:
        self._held = 0
        self._by_network: Counter[str | None] = Counter()

    def take(self, address: str | None, count: int) -> None:
        """Count received bytes. Beyond a limit, count nothing and raise `TooManyLargeBodies`."""
        network = address and network_of(address)
        held = self._by_network[network] + count
        if self._held + count > PROCESS_BYTES or held > NETWORK_BYTES:
            raise TooManyLargeBodies
        self._held += count
        self._by_network[network] = held

    def give_back(self, address: str | None, count: int) -> None:
        network = address and network_of(address)
        self._held -= count
        self._by_network[network] -= count
        if not self._by_network[network]:
            del self._by_network[network]
