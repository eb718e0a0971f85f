"""How many hashes are made at once: each takes 64 MiB, and the container's limit stands."""

import asyncio
import os
import threading

import pytest
from argon2 import PasswordHasher
from cathouse_auth.services.passwords import Passwords

DEADLINE_SECONDS = 20.0


class Hasher(PasswordHasher):
    """Counts how many hashes are made at the same time, and holds each until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.running = self.most = 0
        self.changed = threading.Condition()
        self.go_on = threading.Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.changed:
            self.running += 1
            self.most = max(self.most, self.running)
            self.changed.notify_all()
        assert self.go_on.wait(DEADLINE_SECONDS)
        hashed = super().hash(password, salt=salt)
        with self.changed:
            self.running -= 1
        return hashed

    def wait_for(self, running: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.running >= running, DEADLINE_SECONDS)


@pytest.mark.parametrize(("cores", "at_once"), [(64, 2), (1, 1), (None, 1)])
async def test_no_more_hashes_run_at_once_than_memory_allows_however_many_cores_the_host_has(
    cores: int | None, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    hasher = Hasher()
    hasher.go_on.set()  # one hash is made at the start
    passwords = Passwords(hasher)
    hasher.go_on.clear()
    hashing = [asyncio.create_task(passwords.hash(f"secret {n}")) for n in range(6)]
    try:
        assert await asyncio.to_thread(hasher.wait_for, at_once)
    finally:
        hasher.go_on.set()
    assert len(set(await asyncio.gather(*hashing))) == 6
    assert hasher.most == at_once
