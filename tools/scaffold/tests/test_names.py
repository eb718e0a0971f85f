"""Names, prefixes, descriptions and ports that a new service cannot have are refused with the reason."""

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


def test_missing_values_are_chosen(services: tuple[Service, ...]) -> None:
    service = settle(ROOT, ServiceSpec(NEW))
    assert service.port not in {8010, *(other.port for other in services)}
    assert service.port > max(other.port for other in services)
    assert (service.prefix, service.schema) == (f"/api/v1/{NEW}", NEW)
    assert service.package == f"cathouse_{NEW}"
    assert service.calls == ("auth",)


def test_requested_values_are_used() -> None:
    service = settle(ROOT, ServiceSpec(NEW, 19000, "/api/v2/opinions", "What people think"))
    assert service.port == 19000
    assert service.prefix == "/api/v2/opinions"
    assert service.description == "What people think"


@pytest.mark.parametrize(
    "name", ["", "a", "Reviews", "my-reviews", "my_reviews", "7up", "../up", "x y", "ü", "a" * 31]
)
def test_a_name_with_other_characters_is_refused(name: str) -> None:
    assert "use 2 to 30 characters of a to z and 0 to 9, and begin with a letter" in refusal(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("auth", "services.toml has [auth]"),
        ("class", "keyword of Python"),
        ("match", "keyword of Python"),
        ("user", "reserved word of PostgreSQL"),
        ("table", "reserved word of PostgreSQL"),
        ("public", "PostgreSQL itself uses this name"),
        ("hstore", "extension of PostgreSQL"),
        ("kit", "kit/pyproject.toml is the package cathouse-kit"),
        ("openapi", "tools/openapi/pyproject.toml is the package cathouse-openapi"),
        ("preflight", "process-compose.yaml has this name among its processes"),
        ("ready", "process-compose.yaml has this name among its processes"),
        ("tasks", "process-compose.yaml has this name among its processes"),
        ("roles", "process-compose.yaml has this name among its processes"),
        ("migrate", "process-compose.yaml has this name among its processes"),
        ("postgres", "PostgreSQL itself uses this name"),
        ("internal", "compose.yaml has this name among its networks"),
        ("runtime", "images/Dockerfile has a stage with this name"),
        ("kustomization", "the file deploy/kubernetes/base/kustomization.yaml exists"),
        ("cloudnativepg", "the component deploy/kubernetes/components/cloudnativepg exists"),
        ("demo", "the tools of the project use this name"),
        ("health", "PREFIX=/api/v1/health is in use"),
        ("installations", "PREFIX=/api/v1/installations is in use by installation"),
    ],
)
def test_a_name_in_use_is_refused(name: str, said: str) -> None:
    assert said in refusal(name)


@pytest.mark.parametrize(
    ("port", "said"),
    [
        (8005, "PORT=8005 is in use by auth"),
        (8010, "PORT=8010 is in use by tasks"),
        (80, "PORT=80 is not allowed"),
        (65536, "PORT=65536 is not allowed"),
    ],
)
def test_a_port_in_use_or_out_of_range_is_refused(port: int, said: str) -> None:
    assert said in refusal(port=port)


@pytest.mark.parametrize(
    "prefix",
    [NEW, "/reviews", "/api/v1", "/api/v1/", "/api/v0/reviews", "/api/v1/a/b", "/api/v1/Ü"],
)
def test_an_invalid_prefix_is_refused(prefix: str) -> None:
    assert "use the form /api/v1/reviews" in refusal(prefix=prefix)


@pytest.mark.parametrize(
    "description", ["x", "Two\nlines", 'A "quote"', "$(id)", "a | b", "Ends.", "<b>", "x" * 101]
)
def test_a_description_that_would_break_a_file_is_refused(description: str) -> None:
    assert "use one line of 2 to 100 characters" in refusal(description=description)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("a keyword of Python", "none true false def async lambda case match"),
        ("a boolean or null in YAML", "yes no off null"),
        ("a keyword of Nix", "rec let inherit then"),
        ("a network of Docker", "host bridge ingress overlay"),
        ("a device on Windows", "con nul aux prn com1 lpt9"),
        ("PostgreSQL itself uses this name", "public postgres template pg"),
        ("it is a reserved word of PostgreSQL", "user order select grant primary binary table"),
        ("its variable DATABASE_URL is already a setting", "database"),
        (
            "cannot be the name of a service",
            "kit migrate deployment scaffold postgres gateway dashboard auth runtime stripped secrets",
        ),
    ],
)
def test_a_name_with_a_meaning_is_refused_before_anything_is_written(said: str, names: str) -> None:
    for name in names.split():
        # For "postgres", the reason of PostgreSQL comes first.
        assert said in refusal(name) or name == "postgres", name


async def test_every_reserved_word_of_postgresql_is_refused(
    postgres_server: TemporaryServer,
) -> None:
    connection = await asyncpg.connect(postgres_server.superuser_url())
    rows = await connection.fetch("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")
    await connection.close()
    assert len(rows) > 90
    for (word,) in rows:
        assert "cannot be the name of a service" in refusal(word), word


async def test_postgresql_cannot_create_roles_with_the_refused_names(
    postgres_server: TemporaryServer,
) -> None:
    connection = await asyncpg.connect(postgres_server.superuser_url())
    for name, role in (("none", "none"), ("public", "public"), ("pg", "pg_owner")):
        assert "cannot be the name of a service" in refusal(name)
        with pytest.raises(asyncpg.ReservedNameError):
            await connection.execute(f'CREATE ROLE "{role}"')
    await connection.close()
