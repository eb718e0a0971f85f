from pathlib import Path

import pytest
from cathouse_kit.registry import RegistryError, Service, load_registry

ONE = """
[auth]
description = "People"
package = "cathouse_auth"
port = 8005
prefix = "/api/v1/auth"
schema = "auth"
extensions = ["pg_trgm"]
calls = []
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return tmp_path / "services.toml"


def refusal(registry: Path, text: str) -> str:
    registry.write_text(text)
    with pytest.raises(RegistryError) as refused:
        load_registry(registry)
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith(str(registry))
    return message


def test_an_entry_is_read(registry: Path) -> None:
    registry.write_text(ONE)
    (service,) = load_registry(registry)
    assert service == Service(
        "auth", "People", "cathouse_auth", 8005, "/api/v1/auth", "auth", ("pg_trgm",), ()
    )
    assert (service.port_variable, service.url_variable) == ("AUTH_PORT", "AUTH_URL")


def test_a_service_is_internal_by_default(registry: Path) -> None:
    registry.write_text(
        ONE + "outside = true\n" + ONE.replace("[auth]", "[b]").replace("8005", "1")
    )
    assert [service.outside for service in load_registry(registry)] == [True, False]


def test_the_order_of_the_file_is_kept(registry: Path) -> None:
    second = ONE.replace("[auth]", "[aardvark]").replace("8005", "8006")
    registry.write_text(ONE + second)
    assert [service.name for service in load_registry(registry)] == ["auth", "aardvark"]


def test_a_missing_registry_says_where_to_run_the_command(registry: Path) -> None:
    with pytest.raises(RegistryError, match="run this command in the root of the repository"):
        load_registry(registry)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[auth", "is not valid TOML"),
        ("auth = 1", "auth is not a table"),
        (ONE.replace("port = 8005\n", ""), "[auth] must have"),
        (ONE + "color = 'red'\n", "[auth] must have"),
        (ONE.replace("calls = []", "calls = ['nobody']"), "auth calls nobody"),
        (ONE + ONE.replace("[auth]", "[other]"), "auth and other have the same port 8005"),
    ],
)
def test_a_wrong_registry_is_refused_in_one_line(text: str, said: str, registry: Path) -> None:
    assert said in refusal(registry, text)
