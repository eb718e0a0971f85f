"""What a service cannot be called, and where it cannot be: refused, saying why."""

from pathlib import Path

import asyncpg
import pytest
from cathouse_kit.registry import Service
from cathouse_postgres.testing import TemporaryServer
from cathouse_scaffold.creation import ServiceSpec, settle
from cathouse_scaffold.errors import ScaffoldError

ROOT = Path(__file__).parents[3]
NEW = "fifthwheel"


def refusal(name: str = NEW, **values: object) -> str:
    with pytest.raises(ScaffoldError) as refused:
        settle(ROOT, ServiceSpec(name, **values))  # type: ignore[arg-type]
    return str(refused.value)


def test_what_is_left_out_is_chosen(services: tuple[Service, ...]) -> None:
    service = settle(ROOT, ServiceSpec(NEW))
    assert service.port not in {8010, *(other.port for other in services)}
    assert service.port > max(other.port for other in services)
    assert (service.prefix, service.schema) == (f"/api/v1/{NEW}", NEW)
    assert service.package == f"cathouse_{NEW}"
    assert service.calls == ("auth",)


def test_what_is_asked_for_is_had() -> None:
    service = settle(ROOT, ServiceSpec(NEW, 19000, "/api/v2/opinions", "What people think"))
    assert service.port == 19000
    assert service.prefix == "/api/v2/opinions"
    assert service.description == "What people think"


@pytest.mark.parametrize(
    "name", ["", "a", "Reviews", "my-reviews", "my_reviews", "7up", "../up", "x y", "ü", "a" * 31]
)
def test_what_is_no_name_everywhere(name: str) -> None:
    assert "begins with a letter and has 2 to 30 of a to z and 0 to 9" in refusal(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("auth", "services.toml has [auth]"),
        ("class", "keyword of Python"),
        ("match", "keyword of Python"),
        ("user", "reserved in PostgreSQL"),
        ("table", "reserved in PostgreSQL"),
        ("public", "PostgreSQL has something of that name"),
        ("hstore", "extension of PostgreSQL"),
        ("kit", "is taken"),
        ("openapi", "is taken: tools/openapi/pyproject.toml makes cathouse-openapi"),
        ("preflight", "process-compose.yaml has it among its processes"),
        ("ready", "process-compose.yaml has it among its processes"),
        ("tasks", "process-compose.yaml has it among its processes"),
        ("roles", "is taken: "),
        ("migrate", "is taken: "),
        ("postgres", "PostgreSQL has something of that name"),
        ("internal", "compose.yaml has it among its networks"),
        ("runtime", "images/Dockerfile has a stage of that name"),
        ("kustomization", "deploy/kubernetes/base/kustomization.yaml is there"),
        ("demo", "it means something to the tools here"),
        ("health", "PREFIX=/api/v1/health is taken"),
        ("installations", "PREFIX=/api/v1/installations is taken: it is that of installation"),
    ],
)
def test_a_name_that_is_taken(name: str, said: str) -> None:
    assert said in refusal(name)


@pytest.mark.parametrize(
    ("port", "said"),
    [
        (8005, "PORT=8005 is taken by auth"),
        (8010, "PORT=8010 is taken by tasks"),
        (80, "PORT=80 cannot be listened on"),
        (65536, "PORT=65536 cannot be listened on"),
    ],
)
def test_a_port_that_cannot_be_had(port: int, said: str) -> None:
    assert said in refusal(port=port)


@pytest.mark.parametrize(
    "prefix",
    [NEW, "/reviews", "/api/v1", "/api/v1/", "/api/v0/reviews", "/api/v1/a/b", "/api/v1/Ü"],
)
def test_a_prefix_that_is_none(prefix: str) -> None:
    assert "it looks like /api/v1/reviews" in refusal(prefix=prefix)


@pytest.mark.parametrize(
    "description", ["x", "Two\nlines", 'A "quote"', "$(id)", "a | b", "Ends.", "<b>", "x" * 101]
)
def test_a_description_that_would_break_a_file(description: str) -> None:
    assert "DESCRIPTION is one line" in refusal(description=description)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("a keyword of Python", "none true false def async lambda case match"),
        ("a truth value or nothing in YAML", "yes no off null"),
        ("a keyword of Nix", "rec let inherit then"),
        ("a network of Docker", "host bridge ingress overlay"),
        ("a device on Windows", "con nul aux prn com1 lpt9"),
        ("PostgreSQL has something of that name", "public postgres template pg"),
        ("the word is reserved in PostgreSQL", "user order select grant primary binary table"),
        ("its variable DATABASE_URL is a setting", "database"),
        (
            "is taken",
            "kit migrate deployment scaffold postgres gateway dashboard catalog runtime stripped secrets",
        ),
    ],
)
def test_a_word_that_means_something_is_refused_before_anything_is_written(
    said: str, names: str
) -> None:
    for name in names.split():
        # PostgreSQL's own word for it comes first.
        assert said in refusal(name) or name == "postgres", name


async def test_no_keyword_that_postgresql_reserves_is_a_name(
    postgres_server: TemporaryServer,
) -> None:
    connection = await asyncpg.connect(postgres_server.superuser_url())
    rows = await connection.fetch("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")
    await connection.close()
    assert len(rows) > 90
    for (word,) in rows:
        assert "cannot be a service's name" in refusal(word), word


async def test_a_role_of_a_name_that_is_taken_by_postgresql_could_not_be_made(
    postgres_server: TemporaryServer,
) -> None:
    connection = await asyncpg.connect(postgres_server.superuser_url())
    for name, role in (("none", "none"), ("public", "public"), ("pg", "pg_owner")):
        assert "cannot be a service's name" in refusal(name)
        with pytest.raises(asyncpg.ReservedNameError):
            await connection.execute(f'CREATE ROLE "{role}"')
    await connection.close()
