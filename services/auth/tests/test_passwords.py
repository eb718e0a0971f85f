"""Preparation and hashing of passwords: one at a time, with a limited queue."""

import asyncio
import os
import sys
import threading
from typing import ClassVar, Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from cathouse_auth.services.errors import PasswordQueueFull
from cathouse_auth.services.passwords import Passwords

DEADLINE_SECONDS = 20.0


class Hasher(PasswordHasher):
    """Counts simultaneous hashes, and blocks each until the test releases it."""

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


@pytest.mark.parametrize("cores", [64, 1, None])
async def test_one_hash_is_computed_at_a_time_on_any_number_of_cores(
    cores: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    hasher = Hasher()
    passwords = Passwords(hasher)
    hashing = [asyncio.create_task(passwords.hash(f"secret {n}")) for n in range(6)]
    try:
        assert await asyncio.to_thread(hasher.wait_for, 1)
    finally:
        hasher.go_on.set()
    assert len(set(await asyncio.gather(*hashing))) == 6
    assert hasher.most == 1


async def test_twenty_wait_for_their_turn_and_the_next_is_refused_until_one_is_done() -> None:
    hasher = Hasher()
    passwords = Passwords(hasher)
    hashing = [asyncio.create_task(passwords.hash(f"secret {n}")) for n in range(21)]
    try:
        assert await asyncio.to_thread(hasher.wait_for, 1)
        for refused in (passwords.hash("one more"), passwords.verify("one more", None)):
            with pytest.raises(PasswordQueueFull) as full:
                await refused
            assert int(full.value.headers["Retry-After"]) >= 1
    finally:
        hasher.go_on.set()
    await asyncio.gather(*hashing)
    assert await passwords.hash("one more")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows a priority for each thread")
async def test_hashes_are_made_in_a_thread_that_yields_to_the_event_loop() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    class Observed(PasswordHasher):
        seen: ClassVar[list[int]] = []

        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            self.seen.append(niceness())
            return super().hash(password, salt=salt)

    passwords = Passwords(Observed(time_cost=1, memory_cost=8, parallelism=1))
    await passwords.hash("a secret")
    assert Observed.seen[-1] == min(19, niceness() + 5)


def test_a_hash_by_default_takes_one_core_and_64_mebibytes() -> None:
    costs = extract_parameters(asyncio.run(Passwords().hash("a secret")))
    assert (costs.parallelism, costs.memory_cost, costs.time_cost) == (1, 65536, 3)


NFC, NFD = "caf\u00e9 au lait, encore", "cafe\u0301 au lait, encore"
NO_BREAK = NFC.replace(" ", "\u00a0")


@pytest.mark.parametrize("first", [NFC, NFD, NO_BREAK])
@pytest.mark.parametrize("then", [NFC, NFD, NO_BREAK])
async def test_a_password_is_the_same_in_every_unicode_form(
    passwords: Passwords, first: str, then: str
) -> None:
    created = await passwords.hash(first)
    assert await passwords.verify(then, created) == created


@pytest.mark.parametrize("other", ["cafe au lait, encore", NFC.upper(), f" {NFC}", f"{NFC} "])
async def test_other_passwords_stay_different(passwords: Passwords, other: str) -> None:
    assert await passwords.verify(other, await passwords.hash(NFC)) is None


@pytest.mark.parametrize("typed", [NFD, NO_BREAK])
async def test_a_hash_of_an_unprepared_password_still_matches_and_is_replaced(
    passwords: Passwords, typed: str
) -> None:
    before = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(typed)
    renewed = await passwords.verify(typed, before)
    assert renewed not in (None, before)
    assert await passwords.verify(NFC, renewed) == renewed
    assert await passwords.verify("another password", before) is None


async def test_a_missing_hash_matches_no_password(passwords: Passwords) -> None:
    assert await passwords.verify(NFD, None) is None


async def test_the_replacement_for_a_missing_hash_has_the_same_cost_and_needs_no_hashing() -> None:
    compared: list[str] = []

    class Observed(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            raise AssertionError("nobody's password was hashed")

        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            compared.append(str(hash))
            return super().verify(hash, password)

    passwords = Passwords(Observed())
    assert await passwords.verify("a secret", None) is None
    (stand_in,) = compared
    assert extract_parameters(stand_in) == extract_parameters(PasswordHasher().hash("a secret"))
