"""How much memory the bodies of requests may take: those of one address, and all of a process."""

from collections import Counter

from fastapi import HTTPException

from cathouse_kit.addresses import network_of
from cathouse_kit.problems import ServiceUnavailable

UNCOUNTED_BYTES = 16 * 1024
"""So much of each body is not counted. Connections are limited, and ordinary requests pass at any time."""
PROCESS_BYTES = 32 * 1024 * 1024
NETWORK_BYTES = PROCESS_BYTES // 4


class TooManyLargeBodies(ServiceUnavailable, HTTPException):  # type: ignore[misc]
    # Also an HTTPException, because FastAPI passes only those on from where it reads a body.
    title = "Too many large bodies"

    def __init__(self) -> None:
        detail = "The service receives as many large bodies as it can hold. Try again in a moment."
        ServiceUnavailable.__init__(self, detail)
        self.status_code = self.status


class BodyMemory:
    """The bytes of bodies that one process holds, beyond the first 16 KiB of each.

    All requests together may hold 32 MiB, those of one address (an IPv6 /64) 8 MiB.
    """

    def __init__(self) -> None:
        self._held = 0
        self._by_network: Counter[str | None] = Counter()

    def take(self, address: str | None, count: int) -> None:
        """Count bytes that were received. Raises `TooManyLargeBodies`, and counts nothing then."""
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
