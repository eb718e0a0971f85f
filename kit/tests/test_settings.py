from ipaddress import ip_network
from pathlib import Path

import pytest
from cathouse_kit.settings import Port, ServiceSettings, ServiceUrl, SettingsError, load_settings

PASSWORD = "hunter2-in-the-url"
SECRET_TOKEN = "0123456789abcdef0123456789abcdef"
URL = f"postgresql://sample:{PASSWORD}@localhost:5432/cathouse"


class Settings(ServiceSettings):
    service_name: str = "sample"
    port: Port = 8099
    people_url: ServiceUrl = "http://127.0.0.1:8098"
    page_url: str = "http://127.0.0.1:8097"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and an environment with complete settings."""
    for name in (*Settings.model_fields, "secrets_dir"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setenv("SERVICE_TOKEN", SECRET_TOKEN)
    return tmp_path


def refusal() -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_settings(Settings)
    message = str(refused.value)
    assert PASSWORD not in message
    assert SECRET_TOKEN not in message
    return message.splitlines()


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("debug", "true")
    settings = load_settings(Settings)
    assert (settings.port, settings.debug) == (9000, True)
    assert settings.database_url.get_secret_value() == URL


def test_defaults_are_those_of_the_contract() -> None:
    settings = load_settings(Settings)
    assert settings.service_name == "sample"
    assert settings.host == "127.0.0.1"
    assert settings.port == 8099
    assert settings.debug is False
    assert settings.database_pool_size == 5
    assert settings.log_level == "INFO"
    assert settings.log_format == "json"  # stdout is not a terminal here
    assert settings.people_url == "http://127.0.0.1:8098"
    assert settings.cors_origins == ()
    assert settings.shutdown_grace_seconds == 20
    assert settings.max_body_bytes == 1024 * 1024
    assert settings.rate_limit_storage.get_secret_value() == "memory://"
    assert settings.otel_exporter_otlp_endpoint is None


def test_the_services_that_are_called_are_those_that_settings_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PEOPLE_URL", "http://people:8098/")
    assert load_settings(Settings).service_urls == {"people": "http://people:8098"}


def test_sources_have_the_order_environment_dotenv_secrets_of_the_service_common_secrets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "secrets" / "sample").mkdir(parents=True)
    for name in ("host", "log_level", "database_pool_size", "max_body_bytes"):
        value = {"host": "10.0.0.1", "log_level": "ERROR"}.get(name, "4000")
        (folder / "secrets" / name).write_text(value)
    for name, value in {
        "host": "10.0.0.2",
        "log_level": "WARNING",
        "database_pool_size": "20",
    }.items():
        (folder / "secrets" / "sample" / name).write_text(f"{value}\n")
    (folder / ".env").write_text("HOST=10.0.0.3\nLOG_LEVEL=DEBUG\n")
    monkeypatch.setenv("HOST", "10.0.0.4")

    settings = load_settings(Settings)
    assert settings.host == "10.0.0.4"
    assert settings.log_level == "DEBUG"
    assert settings.database_pool_size == 20
    assert settings.max_body_bytes == 4000


def test_secrets_come_from_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("SERVICE_TOKEN")
    (folder / "secrets" / "sample").mkdir(parents=True)
    (folder / "secrets" / "service_token").write_text(f"{SECRET_TOKEN}\n")
    (folder / "secrets" / "sample" / "database_url").write_text(URL)
    settings = load_settings(Settings)
    assert settings.service_token.get_secret_value() == SECRET_TOKEN
    assert settings.database_url.get_secret_value() == URL


def test_dotenv_may_contain_comments_quotes_and_any_letter(folder: Path) -> None:
    (folder / ".env").write_text(
        "# a comment\n\nexport PORT=9001 # why\nSERVICE_NAME='katzenhäuser'\n", encoding="utf-8"
    )
    settings = load_settings(Settings)
    assert (settings.port, settings.service_name) == (9001, "katzenhäuser")


def test_an_empty_value_counts_as_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    (folder / ".env").write_text("LOG_LEVEL=\n")
    settings = load_settings(Settings)
    assert (settings.port, settings.log_level) == (8099, "INFO")
    monkeypatch.setenv("SERVICE_TOKEN", "")
    assert refusal() == [
        "sample: SERVICE_TOKEN is not set: set it in the environment, in .env, "
        "or in a file service_token in SECRETS_DIR"
    ]


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("https://a.example", ("https://a.example",)),
        ("https://a.example, https://b.example,", ("https://a.example", "https://b.example")),
        (" , ", ()),
    ],
)
def test_origins_are_separated_by_commas(
    value: str, origins: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", value)
    assert load_settings(Settings).cors_origins == origins


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PORT", "http", "PORT=http: Input should be a valid integer, "
            "unable to parse string as an integer"),
        ("PORT", "80\n81", "PORT=80 81: Input should be a valid integer, "
            "unable to parse string as an integer"),
        ("DATABASE_POOL_SIZE", "0", "DATABASE_POOL_SIZE=0: "
            "Input should be greater than or equal to 1"),
        ("DEBUG", "perhaps", "DEBUG=perhaps: Input should be a valid boolean, "
            "unable to interpret input"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT=xml: Input should be 'json' or 'console'"),
        ("SHUTDOWN_GRACE_SECONDS", "-1", "SHUTDOWN_GRACE_SECONDS=-1: "
            "Input should be greater than or equal to 0"),
        ("PEOPLE_URL", "ftp://people", "PEOPLE_URL=ftp://people: URL scheme should be 'http' or 'https'"),
        *(("SERVICE_TOKEN", token, "SERVICE_TOKEN: must have at least 32 characters; "
            "a second token may follow after a comma")
            for token in (
                SECRET_TOKEN[:31],
                f"{SECRET_TOKEN},{SECRET_TOKEN[:31]}",
                f"{SECRET_TOKEN},",
                f"{SECRET_TOKEN},{SECRET_TOKEN},{SECRET_TOKEN}",
                " ",
            )),
        ("RATE_LIMIT_STORAGE", f"mongodb://:{PASSWORD}@db", "RATE_LIMIT_STORAGE: "
            "must be a URL that begins with memory://, redis:// or rediss://"),
        ("RATE_LIMIT_STORAGE", f"redis://cache:{PASSWORD}/0", "RATE_LIMIT_STORAGE: "
            "has a port that is not a number; write special characters of a password as %XX"),
    ],
)  # fmt: skip
def test_a_bad_value_gives_one_line_that_names_the_variable_and_no_secret(
    name: str, value: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    (said,) = refusal()
    assert said == f"sample: {line}"
    assert SECRET_TOKEN[:31] not in said


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:{PASSWORD}@h/d",
        f"postgres://u:{PASSWORD}@h/d",
        f"postgresql+asyncpg://u:{PASSWORD}@h/d",
        f"POSTGRESQL://u:{PASSWORD}@h/d",
        f"host=h password={PASSWORD}",
        f"postgresql:u:{PASSWORD}@h/d",
    ],
)
def test_other_databases_than_postgresql_are_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert refusal() == ["sample: DATABASE_URL: must be a URL that begins with postgresql://"]


@pytest.mark.parametrize(
    "url", [f"postgresql://h:{PASSWORD}/d", f"postgresql://u:a/{PASSWORD}@h/d"]
)
def test_a_database_url_with_an_invalid_port_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert refusal() == [
        "sample: DATABASE_URL: has a port that is not a number; "
        "write special characters of a password as %XX"
    ]


def test_all_errors_are_reported_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("PORT", "0")
    (folder / ".env").write_text("DATABSE_URL=postgresql://u:hunter2@h/d\nZZZ=1\n")
    assert set(refusal()) == {
        "sample: DATABASE_URL is not set: set it in the environment, in .env, "
        "or in a file database_url in SECRETS_DIR",
        "sample: DATABSE_URL in .env is not a setting: did you mean DATABASE_URL?",
        "sample: PORT=0: Input should be greater than or equal to 1",
        "sample: ZZZ in .env is not a setting: remove it",
    }


@pytest.mark.parametrize("line", ["DATABASE URL=x", "PORT", "SERVICE_NAME='no end", "= 3"])
def test_an_invalid_line_of_dotenv_is_named_and_not_quoted(line: str, folder: Path) -> None:
    (folder / ".env").write_text(f"HOST=localhost\n{line}\n")
    assert refusal() == ["sample: line 2 of .env is not NAME=VALUE"]


def test_a_dotenv_that_is_not_utf_8_is_refused(folder: Path) -> None:
    (folder / ".env").write_bytes(b"\xff\xfe\x00")
    (line,) = refusal()
    assert line.startswith("sample: .env cannot be read: 'utf-8' codec")


def test_a_secret_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "secrets").mkdir()
    (folder / "secrets" / "database_url").write_bytes(b"\xff")
    (line,) = refusal()
    assert '"database_url"' in line
    assert line.endswith("'utf-8' codec can't decode byte 0xff in position 0: invalid start byte")


def test_settings_never_show_a_secret() -> None:
    shown = repr(load_settings(Settings))
    assert PASSWORD not in shown
    assert SECRET_TOKEN not in shown


def test_values_in_code_have_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    assert load_settings(Settings, port=9001).port == 9001


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("https://app.example.com/", ["https://app.example.com"]),
        ("HTTPS://App.Example.COM:443", ["https://app.example.com"]),
        ("http://a.example:80/, http://a.example", ["http://a.example"]),
        ("http://localhost:3000", ["http://localhost:3000"]),
        ("http://[::1]:3000/", ["http://[::1]:3000"]),
        ("https://bücher.example", ["https://xn--bcher-kva.example"]),
        ("*", ["*"]),
    ],
)
def test_origins_are_stored_in_the_spelling_of_browsers(
    value: str, origins: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", value)
    assert list(load_settings(Settings).cors_origins) == origins


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        ("127.0.0.1", ["127.0.0.1/32"]),
        ("10.0.0.0/8, ::1,fd00::/8,", ["10.0.0.0/8", "::1/128", "fd00::/8"]),
        ("::ffff:10.0.0.7", ["10.0.0.7/32"]),
        ("::ffff:10.0.0.0/104", ["10.0.0.0/8"]),
        ("*", ["0.0.0.0/0", "::/0"]),
    ],
)
def test_reverse_proxies_are_networks(
    value: str, networks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", value)
    assert load_settings(Settings).forwarded_allow_ips == tuple(map(ip_network, networks))


@pytest.mark.parametrize(
    "value",
    [
        "127.0.0.1/8",
        "10.0.0.0/33",
        "localhost",
        "*,10.0.0.7",
        "10.0.0.7:80",
        "[::1]",
        "10.0.0.7 10.0.0.8",
    ],
)
def test_invalid_addresses_of_reverse_proxies_are_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", value)
    (line,) = refusal()
    assert line.startswith(
        f"sample: FORWARDED_ALLOW_IPS={value}: must be * alone, or IP addresses and networks such as 10.0.0.7"
    )


@pytest.mark.parametrize("value", ["debug", "Debug", "DEBUG"])
def test_words_are_accepted_in_any_case(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", value)
    monkeypatch.setenv("LOG_FORMAT", "JSON")
    settings = load_settings(Settings)
    assert (settings.log_level, settings.log_format) == ("DEBUG", "json")


def test_a_secret_that_may_not_be_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "secrets").mkdir()
    (folder / "secrets" / "database_url").write_text(URL)

    def refuse(path: Path, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refuse)
    (line,) = refusal()
    assert "secrets/database_url" in line
    assert "Permission denied" in line
    assert not line.startswith("sample: .env ")


def test_a_value_is_shown_in_one_readable_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "\x1b[2J" + "x" * 1000)
    (line,) = refusal()
    assert line.isprintable()
    assert len(line) < 300


def test_an_unexpected_password_in_a_url_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PEOPLE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "CORS_ORIGINS"):
        monkeypatch.setenv(name, f"http://u:{PASSWORD}@h:1/x")
    assert len(refusal()) == 3
