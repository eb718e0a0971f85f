import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cathouse_auth.main import create_app
from cathouse_auth.settings import Settings
from cathouse_kit.settings import ServiceSettings, SettingsError, load_settings
from limits import parse

SECRET = "a token that is long enough for all"
URL = "postgresql://auth:hunter2hunter2@127.0.0.1/cathouse"
LIMITS = sorted(set(Settings.model_fields) - set(ServiceSettings.model_fields))


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, and an environment without settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.chdir(tmp_path)


def in_environment(monkeypatch: pytest.MonkeyPatch, folder: Path, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def in_env_file(monkeypatch: pytest.MonkeyPatch, folder: Path, values: dict[str, str]) -> None:
    (folder / ".env").write_text("".join(f'{name}="{value}"\n' for name, value in values.items()))


def in_secrets(monkeypatch: pytest.MonkeyPatch, folder: Path, values: dict[str, str]) -> None:
    (folder / "secrets" / "auth").mkdir(parents=True)
    for name, value in values.items():
        (folder / "secrets" / "auth" / name.lower()).write_text(f"{value}\n")


SOURCES = pytest.mark.parametrize("give", [in_environment, in_env_file, in_secrets])
Give = Callable[[pytest.MonkeyPatch, Path, dict[str, str]], None]


@SOURCES
def test_settings_are_read_from_each_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, give: Give
) -> None:
    values = {"DATABASE_URL": URL, "SERVICE_TOKEN": SECRET, "LOGIN_LIMIT_BY_ACCOUNT": "7/hour"}
    give(monkeypatch, tmp_path, values)
    settings = load_settings(Settings)
    assert settings.database_url.get_secret_value() == URL
    assert settings.service_token.get_secret_value() == SECRET
    assert settings.login_limit_by_account == parse("7/hour")


def test_defaults_apply_if_only_the_secrets_are_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_secrets(monkeypatch, tmp_path, {"DATABASE_URL": URL, "SERVICE_TOKEN": SECRET})
    settings = load_settings(Settings)
    assert (settings.service_name, settings.port) == ("auth", 8005)
    assert [getattr(settings, name) for name in LIMITS] == [
        parse("100/day"),
        parse("10/minute"),
        parse("60/minute"),
        parse("10/minute"),
        parse("30/minute"),
    ]


def test_the_app_does_not_start_without_its_secrets() -> None:
    with pytest.raises(SettingsError) as error:
        create_app()
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert "DATABASE_URL is not set" in lines[0]
    assert "SERVICE_TOKEN is not set" in lines[1]


@SOURCES
@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", ["often", "0/minute", "-1/minute", "1/second;2/minute", "5"])
def test_an_invalid_limit_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, give: Give, name: str, value: str
) -> None:
    give(
        monkeypatch,
        tmp_path,
        {"DATABASE_URL": URL, "SERVICE_TOKEN": SECRET, name.upper(): value},
    )
    with pytest.raises(SettingsError) as error:
        load_settings(Settings)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"auth: {name.upper()}={value}: ")
    assert "10/minute" in line


@SOURCES
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://auth:hunter2hunter2@127.0.0.1/cathouse"),
        ("SERVICE_TOKEN", "hunter2hunter2"),
        ("RATE_LIMIT_STORAGE", "memcached://user:hunter2hunter2@127.0.0.1"),
    ],
)
def test_a_secret_that_is_wrong_is_named_but_not_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, give: Give, name: str, value: str
) -> None:
    give(monkeypatch, tmp_path, {"DATABASE_URL": URL, "SERVICE_TOKEN": SECRET} | {name: value})
    with pytest.raises(SettingsError) as error:
        load_settings(Settings)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"auth: {name}: ")
    assert "hunter2" not in line


def test_an_unknown_setting_is_refused_with_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_env_file(
        monkeypatch,
        tmp_path,
        {"DATABASE_URL": URL, "SERVICE_TOKEN": SECRET, "LOGIN_LIMIT_BY_ACOUNT": "7/hour"},
    )
    with pytest.raises(SettingsError, match="did you mean LOGIN_LIMIT_BY_ACCOUNT"):
        load_settings(Settings)


def test_the_example_names_every_setting_and_can_be_used_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    example = (Path(__file__).parents[1] / ".env.example").read_text()
    for name in Settings.model_fields:
        assert f"\n# {name.upper()}=" in example or f"\n{name.upper()}=" in example, name
    (tmp_path / ".env").write_text(example)
    in_secrets(monkeypatch, tmp_path, {"DATABASE_URL": URL, "SERVICE_TOKEN": SECRET})
    settings = load_settings(Settings)
    uncommented = re.sub(r"^# (?=[A-Z_]+=)", "", example, flags=re.MULTILINE)
    (tmp_path / ".env").write_text(uncommented)
    assert load_settings(Settings).model_dump(exclude={"log_format"}) == settings.model_dump(
        exclude={"log_format"}
    )
