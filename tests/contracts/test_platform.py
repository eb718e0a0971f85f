"""The kit knows no service and no platform: what it must know of one, `cathouse_platform` tells it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cathouse_kit.cli import source_folders
from cathouse_kit.registry import Service
from cathouse_platform.platform import PLATFORM, Role
from cathouse_platform.security_events import SecurityEvent

ROOT = Path(__file__).parents[2]
KIT = ROOT / "kit/cathouse_kit"
OPERATIONS = ROOT / "docs/reference/security-events.md"
# English that is meant where it stands, though a name of the platform is in it.
ENGLISH = re.compile(
    r"(reverse|trusted) prox(y|ies)|proxy_headers|ask an admin|an admin can enable", re.IGNORECASE
)


def facts(services: tuple[Service, ...]) -> Iterator[str]:
    """Regular expressions of what the kit must not hold."""
    identity = PLATFORM.identity
    # As it is written: the words of another platform's name may be English.
    yield rf"(?-i:{re.escape(PLATFORM.display_name)})"
    # The names of a service and of a role are in identifiers too: catalog_url, Developer.
    for name in (*(service.name for service in services), *Role, "cat"):
        yield rf"(?<![a-z]){name}s?(?![a-z])"
    for service in services:
        yield rf"\b{service.port}\b"
        yield re.escape(service.prefix)
    for text in (identity.issuer, PLATFORM.problem_prefix, identity.keys_path):
        yield re.escape(text)
    yield re.escape(identity.revocations_path)
    yield rf"""["']{PLATFORM.audience}["']"""


def test_the_kit_holds_no_name_of_the_platform(services: tuple[Service, ...]) -> None:
    known = re.compile("|".join(facts(services)), re.IGNORECASE)
    sources = [path for path in KIT.rglob("*") if path.suffix in (".py", ".mako")]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (*sources, KIT.parent / "pyproject.toml")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if known.search(ENGLISH.sub("", line)) and not line.startswith("Source = ")
    ]
    assert len(sources) > 40
    assert found == []


def test_the_identity_service_is_registered(services: tuple[Service, ...]) -> None:
    (identity,) = [service for service in services if service.name == PLATFORM.identity.name]
    for path in (PLATFORM.identity.keys_path, PLATFORM.identity.revocations_path):
        assert path.startswith(f"{identity.prefix}/")


def test_a_change_of_the_platform_restarts_a_service(service: Service) -> None:
    watched = {folder.name for folder in source_folders(service.package)}
    assert watched == {service.package, "cathouse_kit", "cathouse_platform"}


@pytest.mark.documentation
def test_every_security_event_is_described_and_nothing_else() -> None:
    section = OPERATIONS.read_text().partition("## Events")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    assert sorted(name for name, _ in named) == sorted(SecurityEvent)
    assert all(meaning for _, meaning in named)
