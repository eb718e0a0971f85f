"""`.env.example` matches the settings. The base class of all services' settings has separate tests."""

import re
from pathlib import Path

import pytest
from cathouse_catalog.settings import Settings
from cathouse_kit.settings import SettingsError, load_settings
from pydantic_core import PydanticUndefined

EXAMPLE = Path(__file__).parents[1] / ".env.example"


@pytest.fixture
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_catalog_has_the_name_and_the_port_of_the_registry(settings: Settings) -> None:
    assert (settings.service_name, settings.port) == ("catalog", 8002)


def test_the_example_names_every_setting_once() -> None:
    named = re.findall(r"^#? ?([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_shows_the_defaults() -> None:
    shown = dict(
        re.findall(r"^# ([A-Z_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    for name, field in Settings.model_fields.items():
        if field.default is not PydanticUndefined and field.default is not None:
            default = field.default
            text = default.get_secret_value() if hasattr(default, "get_secret_value") else default
            expected = "" if text == () else str(text)
            assert shown[name.upper()].lower() == expected.lower(), name


def test_an_unchanged_copy_of_the_example_names_the_missing_settings(
    nothing_set: Path,
) -> None:
    (nothing_set / ".env").write_bytes(EXAMPLE.read_bytes())
    with pytest.raises(SettingsError) as raised:
        load_settings(Settings)
    lines = str(raised.value).splitlines()
    assert [line.split(" ")[1] for line in lines] == ["DATABASE_URL", "SERVICE_TOKEN"]


@pytest.mark.usefixtures("nothing_set")
def test_an_invalid_value_is_named_and_a_secret_is_not_shown() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(
            Settings, port=0, database_url="mysql://ada:hunter2@db/x", service_token="abc"
        )
    text = str(raised.value)
    assert "PORT=0" in text
    assert "DATABASE_URL" in text
    assert "SERVICE_TOKEN" in text
    assert "hunter2" not in text
    assert "abc" not in text
