"""`DATABASE_URL`: accepted parts of libpq's connection URIs, and messages for refused ones."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest
from cathouse_kit.database import Database
from cathouse_kit.database_url import DatabaseUrl, parse_database_url
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

SECRET = "hunter2"
BASE = f"postgresql://u:{SECRET}@db.example/d"


def arguments(url: str) -> dict[str, Any]:
    return dict(parse_database_url(url).arguments)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u@db/d", [("db", 5432)]),
        ("postgresql://u@db:6000/d", [("db", 6000)]),
        ("postgresql://u@db:/d", [("db", 5432)]),
        ("postgresql://u@10.0.0.7:1/d", [("10.0.0.7", 1)]),
        ("postgresql://u@[::1]/d", [("::1", 5432)]),
        ("postgresql://u@[2001:db8::7]:65535/d", [("2001:db8::7", 65535)]),
        ("postgresql://u@[fe80::1%25eth0]:1/d", [("fe80::1%eth0", 1)]),
        ("postgresql://u@a:1,b:2,[::1]/d", [("a", 1), ("b", 2), ("::1", 5432)]),
        ("postgresql://u@%2Frun%2Fpostgresql/d", [("/run/postgresql", 5432)]),
        ("postgresql://u@/d?host=/run/postgresql&port=6000", [("/run/postgresql", 6000)]),
        ("postgresql:///d?host=a,b&port=1", [("a", 1), ("b", 1)]),
        ("postgresql:///d?host=a,b&port=1,2", [("a", 1), ("b", 2)]),
        ("postgresql://u@db_1.example./d", [("db_1.example.", 5432)]),
        ("postgresql://u@datenbänke.example/d", [("datenbänke.example", 5432)]),
        ("postgresql://u@db:6000/d?hostaddr=10.0.0.7", [("10.0.0.7", 6000)]),
        ("postgresql://u@a,b/d?hostaddr=10.0.0.7,::1", [("10.0.0.7", 5432), ("::1", 5432)]),
        ("postgresql://u@10.0.0.7/d?hostaddr=10.0.0.7", [("10.0.0.7", 5432)]),
    ],
)
def test_hosts_are_parsed(url: str, hosts: list[tuple[str, int]]) -> None:
    assert list(parse_database_url(url).hosts) == hosts


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40%2F%3A%25@db/d", {"user": "u", "password": "p@/:%", "database": "d"}),
        ("postgresql://%C3%BC:x@db/d%20e", {"user": "ü", "database": "d e"}),
        ("postgresql://u@db", {"user": "u", "password": None, "database": "u"}),
        ("postgresql://u@db/", {"database": "u"}),
        ("postgresql://u:a+b@db/d?password=c+d", {"password": "c+d"}),
        ("postgresql://db/d?user=v&password=w&dbname=x",
            {"user": "v", "password": "w", "database": "x"}),
        ("postgresql://u@db/d", {"target_session_attrs": "any", "passfile": None,
            "dsn": "postgresql://?sslmode=prefer"}),
        ("postgresql://u@db/d?sslmode=require&sslmode=disable",
            {"dsn": "postgresql://?sslmode=disable"}),
        ("postgresql://u@db/d?target_session_attrs=primary", {"target_session_attrs": "primary"}),
        ("postgresql://u@db/d?ssl_min_protocol_version=TLSv1.3",
            {"dsn": "postgresql://?sslmode=prefer&ssl_min_protocol_version=TLSv1.3"}),
    ],
)  # fmt: skip
def test_roles_and_options_are_parsed(url: str, expected: dict[str, Any]) -> None:
    assert {name: arguments(url)[name] for name in expected} == expected


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
def test_each_tls_mode_is_parsed(mode: str) -> None:
    assert arguments(f"{BASE}?sslmode={mode}")["dsn"] == f"postgresql://?sslmode={mode}"


@pytest.mark.parametrize(
    "query",
    [
        *("channel_binding=prefer", "channel_binding=disable"),
        *("gssencmode=prefer", "gssencmode=disable"),
        *("client_encoding=utf8", "client_encoding=auto", "sslmode=", "connect_timeout="),
    ],
)
def test_parameters_without_effect_are_accepted(query: str) -> None:
    assert parse_database_url(f"{BASE}?{query}") == parse_database_url(BASE)


def test_server_settings_and_times_are_parsed() -> None:
    url = parse_database_url(
        f"{BASE}?application_name=auth%20a&connect_timeout=7"
        "&options=-c%20statement_timeout%3D5s%20--search_path%3Da%5C%20b"
    )
    assert url.connect_seconds == 7
    assert url.server_settings == {
        "application_name": "auth a",
        "options": "-c statement_timeout=5s --search_path=a\\ b",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)}),
        ("keepalives=0&keepalives_idle=5", {(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)}),
        (
            "keepalives_idle=5&keepalives_interval=6&keepalives_count=7&tcp_user_timeout=8000",
            {
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 6),
                (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 7),
                (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 8000),
            },
        ),
    ],
)
def test_keepalives_are_parsed(query: str, expected: set[tuple[int, int, int]]) -> None:
    assert set(parse_database_url(f"{BASE}?{query}").socket_options) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("?channel_binding=require", "channel_binding: must be prefer or disable; the driver has"),
        ("?channel_binding=maybe", "channel_binding: must be prefer or disable"),
        ("?gssencmode=require", "gssencmode: must be prefer or disable; the driver has no GSSAPI"),
        ("?client_encoding=latin1", "client_encoding: must be auto or UTF8"),
        ("?sslmode=nonsense", "sslmode: must be disable or allow or prefer or require"),
        ("?sslmode=verify-full", "sslmode: verify-full needs sslrootcert=FILE"),
        ("?sslmode=verify-ca", "sslmode: verify-ca needs sslrootcert=FILE"),
        ("?sslrootcert=/nowhere/ca.pem", "sslrootcert: cannot be used: No such file or directory"),
        ("?sslrootcert=system", "sslrootcert: must name a file"),
        ("?sslrootcert=/", "sslrootcert: cannot be used:"),
        ("?sslcert=/nowhere/c&sslkey=/nowhere/k", "sslcert, sslkey: cannot be used: No such file"),
        ("?sslkey=/nowhere/key.pem", "sslcert, sslkey: must be given together"),
        ("?sslcert=/nowhere/cert.pem", "sslcert, sslkey: must be given together"),
        ("?sslcrl=/nowhere/crl.pem", "sslcrl: cannot be used: No such file or directory"),
        ("?ssl_min_protocol_version=TLSv1.1", "ssl_min_protocol_version: must be TLSv1.2 or"),
        ("?ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2",
            "ssl_min_protocol_version: must not be above"),
        ("?connect_timeout=0", "connect_timeout: must be a whole number from 1 to 60"),
        ("?connect_timeout=-1", "connect_timeout: must be"),
        ("?connect_timeout=1.5", "connect_timeout: must be"),
        ("?connect_timeout=nan", "connect_timeout: must be"),
        ("?connect_timeout=1e9", "connect_timeout: must be"),
        ("?connect_timeout=99999999999999999999", "connect_timeout: must be"),
        ("?keepalives=yes", "keepalives: must be a whole number from 0 to 1"),
        ("?keepalives_idle=99999", "keepalives_idle: must be"),
        ("?target_session_attrs=standby", "target_session_attrs: must be any or read-write"),
        ("?target_session_attrs=x", "target_session_attrs: must be any or read-write"),
        ("?options=nonsense", "options: must have the form -c"),
        ("?application_name=" + "x" * 64, "application_name: must be one line"),
        ("?application_name=a%0Ab", "application_name: must be one line"),
        ("?passfile=/nowhere/pgpass", "passfile: cannot be read: No such file or directory"),
        ("?hostaddr=db.example", "hostaddr: must be IP addresses"),
        ("?nonsense=1", "nonsense: is not a known parameter; use application_name, "),
        ("?statement_timeout=5s", "statement_timeout: is not a known parameter"),
        ("?SSLMODE=require", "SSLMODE: is not a known parameter"),
        (f"?{SECRET}-=1", "a parameter: is not a known parameter"),
        ("?sslmode", "must have parameters such as ?sslmode=require"),
        ("?a=b=c", "must have parameters such as"),
        ("?&&", "must have parameters such as"),
        ("?port=1,2", "must have one port for all hosts, or one for each"),
        ("?port=0", "must have a port from 1 to 65535"),
        ("?host=/" + "x" * 100, "has a path for a Unix socket that is too long"),
        ("?host=a%20b", "must name a host"),
        ("?user=%ff", "has %XX that is not UTF-8"),
        ("?user=%00", "has a % that does not begin an encoded character"),
    ],
)  # fmt: skip
def test_a_parameter_is_refused_by_name_with_what_is_allowed(change: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as refused:
        parse_database_url(BASE + change)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"postgresql://u:{SECRET}@/d", "has no host"),
        ("postgresql://", "has no host"),
        ("postgresql:///d", "has no host"),
        (f"postgresql://u:{SECRET}@a,,b/d", "must name a host"),
        (f"postgresql://u:@{SECRET}@db/d", "has more than one @"),
        (f"postgresql://u:?{SECRET}@db/d", "has an @ after its ?"),
        (f"postgresql://u:%{SECRET}@db/d", "has a % that does not begin an encoded character"),
        (f"postgresql://u:/{SECRET}@db/d", "has an @ after its host"),
        (f"postgresql://{SECRET} x@db:port/d", "has a port that is not a number"),
        ("postgresql://u@db:65536/d", "must have a port from 1 to 65535"),
        ("postgresql://u@db:٣/d", "has a port that is not a number"),
        ("postgresql://u@[::1/d", "must have IPv6 addresses in brackets"),
        ("postgresql://u@[db]/d", "must have only an IPv6 address in brackets"),
        ("postgresql://u@::1/d", "has no host"),
        ("postgresql://u@999.1.1.1/d", "must name a host"),
        ("postgresql://u@" + "x" * 64 + "/d", "must name a host"),
        ("postgresql://u@" + "x." * 200 + "de/d", "must name a host"),
        ("postgresql://u@*.example/d", "must name a host"),
        ("postgresql://u@a..b/d", "must name a host"),
    ],
)
def test_invalid_urls_are_refused(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as refused:
        parse_database_url(url)
    assert SECRET not in str(refused.value)


def test_hostaddr_is_refused_with_verify_full(
    certificate: Path,
) -> None:
    url = f"{BASE}?sslmode=verify-full&sslrootcert={certificate}&hostaddr=10.0.0.7"
    with pytest.raises(ValueError, match="hostaddr: cannot be used with sslmode=verify-full"):
        parse_database_url(url)


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text("*:*:*:*:x\n")
    passfile.chmod(0o644)
    with pytest.raises(ValueError, match="passfile: must be readable only by its owner"):
        parse_database_url(f"{BASE}?passfile={passfile}")
    passfile.chmod(0o600)
    assert arguments(f"{BASE}?passfile={passfile}")["passfile"] == str(passfile)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate and its private key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "db.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full", "require"])
def test_tls_files_are_read_at_the_start(mode: str, certificate: Path) -> None:
    query = f"sslmode={mode}&sslrootcert={certificate}&sslcert={certificate}&sslkey={certificate}"
    assert f"sslmode={mode}" in arguments(f"{BASE}?{query}")["dsn"]


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ValueError, match="sslrootcert: cannot be used: "):
        parse_database_url(f"{BASE}?sslrootcert={tmp_path}/ca.pem")


@given(st.text(alphabet="abu:@/?#[]%,.=&+ 0159-_\u0660ü\\'\"{}*", max_size=60))
def test_any_text_is_parsed_or_refused(text_after: str) -> None:
    try:
        assert isinstance(parse_database_url(f"postgresql://{text_after}"), DatabaseUrl)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both ends are right


def test_repr_never_shows_the_password() -> None:
    assert SECRET not in repr(parse_database_url(BASE))


async def select(url: str, statement: str) -> Any:
    database = Database(SecretStr(url), pool_size=1, application_name="from the service")
    try:
        async with database.session() as session:
            return await session.scalar(text(statement))
    finally:
        await database.close()


async def test_a_connection_has_the_properties_of_the_url(database_url: str) -> None:
    query = "application_name=from%20the%20URL&options=-c%20statement_timeout%3D5s&connect_timeout=9&keepalives_idle=5"
    for statement, value in {
        "show application_name": "from the URL",
        "show statement_timeout": "5s",
        "show timezone": "UTC",
    }.items():
        assert await select(f"{database_url}?{query}", statement) == value


async def test_variables_of_other_programs_have_no_effect(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGSSLMODE": "verify-full",
        "PGHOST": "nowhere.invalid",
        "PGPORT": "none",
        "PGDATABASE": "nothing",
        "PGUSER": "nobody",
        "PGTARGETSESSIONATTRS": "standby",
    }.items():
        monkeypatch.setenv(name, value)
    assert await select(database_url, "select 1") == 1


async def test_the_next_host_is_tried_if_one_is_down_or_silent(database_url: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        before, at, after = database_url.rpartition("@")
        hosts = f"127.0.0.1:1,127.0.0.1:{silent.getsockname()[1]}"
        url = f"{before}{at}{hosts},{after}?target_session_attrs=read-write&connect_timeout=1"
        assert await select(url, "select 1") == 1
