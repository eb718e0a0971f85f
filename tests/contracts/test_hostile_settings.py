"""Every setting of every service accepts a value at the start, or refuses it there with one line that names it.

Accepted values are also used here, because some bad values would fail only in a later request.
"""

import importlib
import socket
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from socket import getaddrinfo
from typing import Any

import pytest
from cathouse_kit.rate_limits import RateLimitsUnavailable
from cathouse_kit.registry import Service
from cathouse_kit.server import PortTakenError, _listen, server_config
from cathouse_kit.service_client import PeerUnavailable
from cathouse_kit.settings import ServiceSettings, SettingsError, load_settings
from cathouse_kit.testing import bearer, running
from fastapi import FastAPI
from limits import RateLimitItem, RateLimitItemPerMinute
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult
from pydantic import SecretStr

SECRET = "hunter2"
# Nothing listens on port 1, and these URLs need no name resolution, so connections fail at once.
NEEDED = {
    "DATABASE_URL": f"postgresql://role:{SECRET}@127.0.0.1:1/cathouse",
    "SERVICE_TOKEN": f"{SECRET}-in-the-token-" + "x" * 32,
}

ANYTHING = [
    *(" ", "\t", "\n", "x", "é", "ſ", "\udcff", "\x1b[2J", "\u202e", "'", '"', "%", "%zz", "%00", "$HOME"),
    *("nan", "inf", "-inf", "-1", "0", "1", "2", "1.5", "1e400", "9" * 5000, "2048", "10**3", "0x10", "1_000", "٣"),
    *("null", "None", "[]", "{}", "[1]", "true", "TRUE", "yes", "*", ",", ",,", "a,b", "/", "//", "..", "/dev/null"),
    *("http://", "https://", "http://a", "http://a/", "http://a//", "file:///etc/passwd", "x" * 100_000),
    *("::", "[::]", "::1", "127.0.0.1", "0.0.0.0", "127.0.0.1/8", "localhost", "+1", "a b", "a" * 64, "a." * 200),
]  # fmt: skip

URLS = [
    *("{}", "{}/", "{}//", "{}/path", "{}?", "{}?query=1", "{}#", "{}#fragment", "{}:0", "{}:65536", "{}:port", "{}:"),
    *("{}/%zz", "{}\n", " {}", "{}\\", "{}@", "{}/\udcff"),
]  # fmt: skip
AUTHORITIES = [
    *("http://127.0.0.1", "HTTP://127.0.0.1", "https://[::1]", "http://[::1", "http://u@127.0.0.1"),
    *(f"http://u:{SECRET}@127.0.0.1", "ftp://127.0.0.1", "//127.0.0.1", "http://999.1.1.1", "http://0x7f.1"),
    *("http://*.invalid", "http://a_b.invalid", "http://-.invalid", "http://%41.invalid", "http://ünï.invalid"),
    *(f"http://{'a' * 64}.invalid", f"http://{'a.' * 200}invalid", "http://a..invalid", "http://127.1"),
]  # fmt: skip

DATABASES = [
    f"postgresql://role:{SECRET}@127.0.0.1:1/cathouse{query}"
    for query in (
        *("?channel_binding=require", "?channel_binding=prefer", "?connect_timeout=2", "?connect_timeout=abc"),
        *("?connect_timeout=0", "?sslmode=require", "?sslmode=verify-full", "?sslmode=Require", "?sslrootcert=/x"),
        *("?sslcert=/x", "?sslkey=/x", "?application_name=x", "?options=-c%20a%3Db", "?options=%00", "?nonsense=1"),
        *("?target_session_attrs=read-write", "?target_session_attrs=any,any", "?keepalives=1", "?keepalives_idle=x"),
        *("?gssencmode=disable", "?gssencmode=require", "?passfile=/x", "?hostaddr=127.0.0.1", "?hostaddr=x"),
        *("?host=/nowhere", "?port=1,2", "?port=x", "?", "?a", "?=", "?&", "?%", "#", "#x", "/x", "?service=x"),
    )
] + [
    f"postgresql://role:{SECRET}{rest}"
    for rest in (
        *("@", "@/", "@:1", "@127.0.0.1:1,127.0.0.1:1/d", "@127.0.0.1,/d", "@[::1]:1/d", "@[::1/d", "@[x]/d"),
        *("@%2Fnowhere/d", "@127.0.0.1:1/%64", "@127.0.0.1:1/%", "@x@127.0.0.1/d", "/@127.0.0.1/d", "?@127.0.0.1/d"),
        *("#@127.0.0.1/d", "%@127.0.0.1/d", "@127.0.0.1:99999/d", "@127.0.0.1:-1/d", "@" + "a" * 64 + "/d"),
    )
]  # fmt: skip

STORES = [
    f"redis://:{SECRET}@127.0.0.1:1{rest}"
    for rest in (
        *("", "/", "/0", "/x", "/-1", "/0/1", "/99999999999", "?foo=bar", "?socket_timeout=abc", "?socket_timeout=nan"),
        *("?socket_timeout=1", "?db=1", "?db=x", "?decode_responses=1", "?encoding=x", "?retry=1", "?protocol=9"),
        *("?ssl_ca_certs=/x", "?connection_class=x", "?host=x", "?", "?a", "?=", "#", "#x"),
    )
] + [
    *("memory://", "memory:", "memory://x", "redis://", "redis:///0", "redis:127.0.0.1", "redis://127.0.0.1:x"),
    *("rediss://127.0.0.1:1", "rediss://127.0.0.1:1?ssl_ca_certs=/x", "rediss://127.0.0.1:1?ssl_cert_reqs=x"),
    *("redis://127.0.0.1:1", "redis+unix:///x", "unix:///x", "redis+sentinel://127.0.0.1:1/m", "mongodb://127.0.0.1"),
    *(f"redis://:{SECRET}/@127.0.0.1:1", f"redis://:{SECRET}#@127.0.0.1:1", f"redis://:{SECRET}@x@127.0.0.1:1"),
]  # fmt: skip

LIMITS = [
    *("10/minute", "10 per 5 minutes", "0/minute", "-1/minute", "1/0 minutes", "1/second;2/minute", "1/fortnight"),
    *("9" * 30 + "/minute", "1/" + "9" * 30 + " minutes", "1/100 years", "1.5/minute", "1/minute/hour", "٣/minute"),
]  # fmt: skip

PARTICULAR: dict[str, list[str]] = {
    "service_token": ["é" * 40, "x" * 32, "x" * 32 + "\x00", "x" * 5000, "x" * 32 + "," + "ſ" * 32, "x y" * 20],
    "cors_origins": ["null", "https://a.example/", "https://*.example", "*,https://a.example", "a.example"],
    "forwarded_allow_ips": ["127.0.0.1/8", "127.0.0.1/33", "10.0.0.0/8,::1", "::ffff:10.0.0.0/104", "fe80::1%eth0"],
    "log_level": ["debug", "Info", "WARN", "loud"],
    "log_format": ["JSON", "Console", "xml"],
    "host": ["fe80::1%lo", "[::1]", "*", "127.0.0.1:80", "http://127.0.0.1"],
}  # fmt: skip


def values_for(name: str, settings_class: type[ServiceSettings]) -> list[str]:
    values = ANYTHING + PARTICULAR.get(name, [])
    if name == "database_url":
        values = values + DATABASES
    elif name == "rate_limit_storage":
        values = values + STORES
    elif name.endswith(("_url", "_endpoint")) or name == "cors_origins":
        values = values + AUTHORITIES + [form.format(AUTHORITIES[0]) for form in URLS]
    elif isinstance(settings_class.model_fields[name].default, RateLimitItem):
        values = values + LIMITS
    return values


@pytest.fixture(autouse=True)
def bare(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings_class: type[ServiceSettings]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in settings_class.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    # There is no collector of traces, and the end must not wait for one.
    monkeypatch.setattr(OTLPSpanExporter, "export", lambda *_: SpanExportResult.SUCCESS)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
    """Act like a resolver that knows no names: encode the name, which can fail, and find nothing."""
    # Most libraries leave the encoding to the resolver. anyio encodes the name itself.
    if isinstance(host, str):
        host = host.encode("idna")
    if isinstance(host, bytes):
        host = host.decode()
        try:
            ip_address(host)
        except ValueError:
            raise socket.gaierror(socket.EAI_NONAME, "no name is known here") from None
    return getaddrinfo(host, *arguments, **options)


def read(
    service: Service, settings_class: type[ServiceSettings], name: str, value: str
) -> ServiceSettings | None:
    """Return the settings, or None if the value is refused. A refusal is one line with the name and no secret."""
    try:
        return load_settings(settings_class, **{name: value})
    except SettingsError as error:
        line = str(error)
        assert line.startswith(f"{service.name}: {name.upper()}"), line
        assert line.isprintable(), line
        assert len(line) < 1000, line
        assert SECRET not in line, line
        return None


@pytest.fixture
def understood(service: Service, settings_class: type[ServiceSettings]) -> dict[str, list[str]]:
    """Return the accepted values of each setting, one for each distinct result."""
    found: dict[str, dict[str, str]] = {}
    tried = 0
    for name in settings_class.model_fields:
        found[name] = {}
        for value in values_for(name, settings_class):
            tried += 1
            if settings := read(service, settings_class, name, value):
                kind = getattr(settings, name)
                key = kind.get_secret_value() if isinstance(kind, SecretStr) else repr(kind)
                found[name].setdefault(key, value)
    total = sum(map(len, found.values()))
    print(f"{service.name}: {tried} values, {total} distinct ones accepted")
    return {name: list(values.values()) for name, values in found.items()}


async def test_a_value_is_accepted_and_usable_or_refused_by_name(
    service: Service, settings_class: type[ServiceSettings], understood: dict[str, list[str]]
) -> None:
    assert all(understood.values()), understood
    # Use the first value of every setting together, then the second values, until the longest list ends.
    for n in range(max(map(len, understood.values()))):
        values: dict[str, Any] = {name: kinds[n % len(kinds)] for name, kinds in understood.items()}
        settings = load_settings(settings_class, **values)
        app = importlib.import_module(f"{service.package}.main").create_app(settings)
        await use(app)


async def use(app: FastAPI) -> None:
    """Use each setting as requests would do."""
    context = app.state.context
    settings: ServiceSettings = context.settings
    # A socket does not use the resolver above. So resolve the name first, which tests its encoding, and use an address.
    with suppress(socket.gaierror):
        ((*_, address),) = lookup(settings.host, 0, type=socket.SOCK_STREAM)
        with suppress(PortTakenError):
            _listen(address[0], 0).close()
    server_config(app)
    async with running(app) as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 503
        for origin in settings.cors_origins:
            preflight = {
                "Origin": origin if origin != "*" else "https://a.example",
                "Access-Control-Request-Method": "GET",
            }
            assert (await client.options("/health", headers=preflight)).status_code == 200
        for token in settings.service_tokens:
            headers = bearer(token.get_secret_value())
            assert (await client.get("/health", headers=headers)).status_code == 200
        limits = [value for _, value in settings if isinstance(value, RateLimitItem)]
        for limit in (*limits, RateLimitItemPerMinute(1)):
            with suppress(RateLimitsUnavailable):
                await context.rate_limits.hit(limit, "hostile")
        for client in context.clients.values():
            with suppress(PeerUnavailable):
                await client.request("POST", "/api/v1/internal/nothing")


@pytest.mark.parametrize("value", ["abc", "nan", "", "-1", "1e400"])
def test_a_variable_of_opentelemetry_that_cannot_be_used_is_no_traceback(
    value: str,
    service: Service,
    settings_class: type[ServiceSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", value)
    main = importlib.import_module(f"{service.package}.main")
    with suppress(SettingsError):
        main.create_app(load_settings(settings_class))
