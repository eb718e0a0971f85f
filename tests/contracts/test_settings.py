"""Every service reads its settings in the same way, and refuses a bad one with a line that shows no secret."""

import subprocess
import sys
from pathlib import Path

import pytest
from cathouse_kit.registry import Service
from cathouse_kit.settings import ServiceSettings, SettingsError, load_settings

DATABASE_URL = "postgresql://role:hunter2-in-the-url@127.0.0.1:5432/cathouse"
TOKEN = "hunter2-in-the-token-" + "x" * 32


@pytest.fixture(autouse=True)
def bare(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings_class: type[ServiceSettings]
) -> None:
    """Change to a folder without `.env`, and remove all settings from the environment."""
    monkeypatch.chdir(tmp_path)
    for name in settings_class.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "secrets"))


@pytest.fixture
def required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
    monkeypatch.setenv("SERVICE_TOKEN", TOKEN)


def test_the_defaults_are_those_of_the_contract(
    required: None, service: Service, settings_class: type[ServiceSettings]
) -> None:
    settings = load_settings(settings_class)
    assert settings.service_name == service.name
    assert (settings.host, settings.port) == ("127.0.0.1", service.port)
    assert settings.debug is False
    assert settings.database_pool_size == 5
    assert settings.log_level == "INFO"
    assert settings.cors_origins == ()
    assert settings.shutdown_grace_seconds == 20
    assert settings.max_body_bytes == (16 * 1024 if service.name == "auth" else 1024 * 1024)


def test_the_environment_beats_the_env_file_and_that_the_files_of_secrets(
    service: Service,
    settings_class: type[ServiceSettings],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "secrets" / service.name
    folder.mkdir(parents=True)
    (folder / "database_url").write_text(DATABASE_URL + "\n")
    (folder.parent / "service_token").write_text(TOKEN)
    (folder / "log_level").write_text("ERROR")
    (folder / "database_pool_size").write_text("7")
    Path(".env").write_text("LOG_LEVEL=WARNING\nMAX_BODY_BYTES=4096\n")
    monkeypatch.setenv("MAX_BODY_BYTES", "2048")
    settings = load_settings(settings_class)
    assert settings.database_url.get_secret_value() == DATABASE_URL
    assert settings.service_token.get_secret_value() == TOKEN
    assert settings.database_pool_size == 7
    assert settings.log_level == "WARNING"
    assert settings.max_body_bytes == 2048


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://role:hunter2-in-the-url@127.0.0.1/cathouse"),
        ("DATABASE_URL", "hunter2-in-the-url"),
        ("SERVICE_TOKEN", "hunter2"),
        ("PORT", "65536"),
        ("PORT", "eighty"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("DATABASE_POOL_SIZE", "0"),
        ("SHUTDOWN_GRACE_SECONDS", "-1"),
        ("MAX_BODY_BYTES", "1k"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere"),
    ],
)
def test_a_bad_value_is_named_and_no_secret_is_shown(
    required: None,
    service: Service,
    settings_class: type[ServiceSettings],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        load_settings(settings_class)
    message = str(refused.value)
    assert message.startswith(f"{service.name}: {variable}")
    assert "\n" not in message
    assert "hunter2" not in message


def test_bad_urls_of_the_services_that_it_calls_are_named(
    required: None,
    service: Service,
    services: tuple[Service, ...],
    settings_class: type[ServiceSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for other in services:
        monkeypatch.setenv(other.url_variable, "not a url")
    try:
        load_settings(settings_class)
        named = []
    except SettingsError as refused:
        named = [line.partition("=")[0] for line in str(refused).splitlines()]
    assert sorted(named) == sorted(f"{service.name}: {name.upper()}_URL" for name in service.calls)


def test_settings_that_are_missing_are_named(
    service: Service, settings_class: type[ServiceSettings]
) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(settings_class)
    named = [line.split()[1] for line in str(refused.value).splitlines()]
    assert named == ["DATABASE_URL", "SERVICE_TOKEN"]


def test_a_name_that_is_no_setting_is_refused_with_the_nearest_one(
    required: None, service: Service, settings_class: type[ServiceSettings]
) -> None:
    Path(".env").write_text("LOG_LEVL=DEBUG\n")
    with pytest.raises(SettingsError) as refused:
        load_settings(settings_class)
    assert "LOG_LEVL in .env is not a setting: did you mean LOG_LEVEL?" in str(refused.value)


def test_a_start_with_bad_settings_ends_with_that_line_alone(
    service: Service, tmp_path: Path
) -> None:
    started = subprocess.run(
        [sys.executable, "-m", service.package, "serve"],
        cwd=tmp_path,
        env={"SERVICE_TOKEN": TOKEN, "DATABASE_URL": DATABASE_URL, "LOG_LEVEL": "loud"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert started.returncode == 78
    assert started.stdout == ""
    assert started.stderr.startswith(f"{service.name}: LOG_LEVEL=loud: ")
    assert len(started.stderr.splitlines()) == 1
