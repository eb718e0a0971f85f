"""Settings: one class for each service, with a common base. They are read once, at the start.

The sources, in descending priority, are the environment, `.env` in the working directory, and files of secrets. A file
of secrets has the name of its variable in lower case, and contains one value. These files are in `SECRETS_DIR`, by
default `/run/secrets`, or in its subfolder with the name of the service, which has priority. A command with another
database role of the service reads the subfolder with the name of that role first.
"""

import difflib
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from dotenv.parser import parse_stream
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as SourceError

from cathouse_kit.addresses import Network, parse_networks
from cathouse_kit.database_url import parse_database_url
from cathouse_kit.hosts import check_host
from cathouse_kit.rate_limits import parse_storage

# From sysexits.h: something is not configured, or is configured wrongly. A supervisor must not restart the program.
EX_CONFIG = 78


_HTTP_URL = TypeAdapter(HttpUrl)


class SettingsError(Exception):
    """The settings are invalid. The message names every wrong variable, and contains no secret."""


def _database_url(url: SecretStr) -> SecretStr:
    parse_database_url(url.get_secret_value())
    return url


def _tokens(text: SecretStr) -> list[str]:
    return [part.strip() for part in text.get_secret_value().split(",")]


def _service_token(tokens: SecretStr) -> SecretStr:
    parts = _tokens(tokens)
    if len(parts) > 2 or min(map(len, parts)) < 32:
        raise ValueError(
            "must have at least 32 characters; a second token may follow after a comma"
        )
    # The token is sent in a header, so RFC 9110, section 5.5, defines the valid characters.
    if not all(part.isascii() and part.isprintable() for part in parts):
        raise ValueError("must have printable ASCII characters only")
    if max(map(len, parts)) > 1024:
        raise ValueError("must have at most 1024 characters")
    return tokens


def _storage(url: SecretStr) -> SecretStr:
    parse_storage(url.get_secret_value())
    return url


def _split_commas(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _root_url(url: str) -> str:
    """Return the URL as browsers write an origin: lower case, no default port, no slash (RFC 6454, section 6.1)."""
    parsed = _HTTP_URL.validate_python(url)
    beyond = (parsed.username, parsed.password, parsed.query, parsed.fragment)
    if any(part is not None for part in beyond) or parsed.path not in (None, "/"):
        raise ValueError(
            "must be SCHEME://HOST or SCHEME://HOST:PORT, without user, path, query and fragment"
        )
    _check_url_host(parsed)
    default = {"http": 80, "https": 443}[parsed.scheme]
    port = "" if parsed.port == default else f":{parsed.port}"
    return f"{parsed.scheme}://{parsed.host}{port}"


def _check_url_host(url: HttpUrl) -> None:
    check_host((url.host or "").strip("[]"))
    if url.port == 0:
        raise ValueError("must have a port from 1 to 65535")


def _collector(url: HttpUrl) -> HttpUrl:
    _check_url_host(url)
    if url.username is not None or url.password is not None:
        raise ValueError("must not contain a user: set OTEL_EXPORTER_OTLP_HEADERS instead")
    if url.query is not None or url.fragment is not None:
        raise ValueError("must be a URL without query and fragment, such as http://collector:4318")
    return url


def _origins(value: object) -> object:
    origins = _split_commas(value)
    if not isinstance(origins, tuple) or origins == ("*",):
        return origins
    if "*" in origins:
        raise ValueError("must be * alone, or origins such as https://app.example.com")
    return tuple(dict.fromkeys(map(_root_url, origins)))


def _networks(value: object) -> object:
    return parse_networks(value) if isinstance(value, str) else value


def _host(host: str) -> str:
    if host.startswith("["):
        raise ValueError("must be an address without brackets, such as ::1")
    check_host(host)
    return host


LogLevel = Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LogFormat = Literal["json", "console"]


def _in_any_case(kind: Any) -> BeforeValidator:
    """Accept the words of a `Literal` in upper and lower case."""
    words = {word.lower(): word for word in get_args(kind)}
    return BeforeValidator(
        lambda value: words.get(value.lower(), value) if isinstance(value, str) else value
    )


def _printable(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value.encode()) > 63:
        raise ValueError("must be one line of at most 63 bytes")
    return value


ServiceName = Annotated[str, AfterValidator(_printable)]
"""A service's name in logs, metrics and PostgreSQL, which allows 63 bytes."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""

_SERVICE_ROOT = AfterValidator(_root_url)
ServiceUrl = Annotated[str, _SERVICE_ROOT]
"""The root URL of another service, such as `http://notes:8042`, stored without a slash at its end.

For a setting `NAME_url` of this type, `create_service` creates a client of the service NAME.
"""


class ServiceSettings(BaseSettings):
    """The settings of every service. The class of a service sets the defaults of `service_name` and `port`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    service_name: ServiceName = Field(description="Name of the service in logs and metrics")
    host: Annotated[str, AfterValidator(_host)] = Field(
        "127.0.0.1", description="Address to listen on. `::` means all IPv4 and IPv6 addresses"
    )
    port: Port = Field(description="Port to listen on")
    debug: bool = Field(
        False,
        description="Log longer tracebacks, and SQL statements without their values",
    )
    database_url: Annotated[SecretStr, AfterValidator(_database_url)] = Field(
        description="Database URL: postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE, with optional parameters of libpq"
    )
    database_pool_size: int = Field(
        5, ge=1, le=100, description="Largest number of PostgreSQL connections of one process"
    )
    log_level: Annotated[LogLevel, _in_any_case(LogLevel)] = Field(
        "INFO", description="Lowest level of lines that are logged"
    )
    log_format: Annotated[LogFormat, _in_any_case(LogFormat)] = Field(
        default_factory=lambda: "console" if sys.stdout.isatty() else "json",
        description="Format of log lines. Default: `console` on a terminal, otherwise `json`",
    )
    service_token: Annotated[SecretStr, AfterValidator(_service_token)] = Field(
        description="Shared secret for `/internal` routes, 32 characters or more. "
        "To rotate it without downtime, set `new,old`"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        (),
        description="Origins of web pages that may call the service, such as https://app.example.com, separated by "
        "commas. `*` allows all",
    )
    forwarded_allow_ips: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = (
        Field(
            (),
            description="Reverse proxies that may set X-Forwarded-For: IP addresses or networks, separated by commas. "
            "`*` allows all",
        )
    )
    keep_alive_seconds: int = Field(
        75,
        ge=1,
        le=3600,
        description="Seconds that an idle connection stays open. Set it above the idle timeout of your load balancer, "
        "which is often 60 seconds",
    )
    max_connections: int = Field(
        1000,
        ge=10,
        le=100_000,
        description="Largest number of connections that one process accepts. One address may have half of them. "
        "Reverse proxies in FORWARDED_ALLOW_IPS may have all",
    )
    shutdown_grace_seconds: int = Field(
        20,
        ge=0,
        le=600,
        description="Seconds that requests in progress have to end after SIGTERM and SHUTDOWN_DELAY_SECONDS",
    )
    shutdown_delay_seconds: int = Field(
        0,
        ge=0,
        le=600,
        description="Seconds to keep accepting requests after SIGTERM, while load balancers deregister the replica",
    )
    max_body_bytes: int = Field(
        1024 * 1024,
        ge=1024,
        le=1024**3,
        description="Largest request body that is accepted, in bytes",
    )
    rate_limit_storage: Annotated[SecretStr, AfterValidator(_storage)] = Field(
        SecretStr("memory://"),
        description="Store of the rate limits. memory:// counts in each process. redis://HOST:PORT/N, for Redis or "
        "Valkey, counts for all replicas",
    )
    otel_exporter_otlp_endpoint: Annotated[HttpUrl, AfterValidator(_collector)] | None = Field(
        None,
        description="URL of the OpenTelemetry collector, such as http://collector:4318. Without it, no traces are sent",
    )

    @property
    def service_tokens(self) -> tuple[SecretStr, ...]:
        """The tokens that `/internal` routes accept. Requests to other services have the first one."""
        return tuple(map(SecretStr, _tokens(self.service_token)))

    @property
    def service_urls(self) -> dict[str, str]:
        """The URLs of the services that this one calls, by name: the settings of the type `ServiceUrl`."""
        return {
            name.removesuffix("_url"): getattr(self, name)
            for name, field in type(self).model_fields.items()
            if _SERVICE_ROOT in field.metadata
        }

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        name = str(settings_cls.model_fields["service_name"].default)
        folders = getattr(file_secret_settings, "secrets_dir", None) or _secret_folders(name)
        secrets = SecretsSettingsSource(settings_cls, secrets_dir=folders or None)
        return init_settings, env_settings, dotenv_settings, secrets


def _secret_folders(*names: str) -> list[Path]:
    # A later folder has priority.
    folder = Path(os.environ.get("SECRETS_DIR", "/run/secrets"))
    return [path for path in (folder, *(folder / name for name in names)) if path.is_dir()]


S = TypeVar("S", bound=ServiceSettings)


def load_settings(settings_class: type[S], *, role: str = "", **values: Any) -> S:
    """Read the settings. `values` have priority over every source.

    `role`, such as owner, selects the secrets of another database role of the service. Raises `SettingsError` with a
    line for every wrong variable.
    """
    name = str(settings_class.model_fields["service_name"].default)
    database_role = f"{name}_{role}" if role else name
    if role:
        values["_secrets_dir"] = _secret_folders(name, database_role)
    try:
        lines = _broken_lines(values.get("_env_file", settings_class.model_config["env_file"]))
        if not lines:
            return settings_class(**values)
    except ValidationError as error:
        folder = f"SECRETS_DIR/{database_role}" if role else "SECRETS_DIR"
        lines = [_explain(settings_class, details, folder) for details in error.errors()]
    except (OSError, UnicodeDecodeError) as error:
        # An error about the encoding of .env has no file name.
        lines = [f"{getattr(error, 'filename', None) or '.env'} cannot be read: {error}"]
    except SourceError as error:
        lines = [f"{error}: {error.__cause__}"]
    raise SettingsError("\n".join(f"{name}: {line}" for line in lines))


def _broken_lines(env_file: Path | str | None) -> list[str]:
    # The parser of the settings would ignore these lines.
    if env_file is None or not Path(env_file).is_file():
        return []
    with Path(env_file).open(encoding="utf-8") as lines:
        return [
            f"line {binding.original.line} of {env_file} is not NAME=VALUE"
            for binding in parse_stream(lines)
            if binding.error or (binding.key is not None and binding.value is None)
        ]


def _explain(
    settings_class: type[ServiceSettings], details: ErrorDetails, secrets_folder: str
) -> str:
    field = str(details["loc"][0]) if details["loc"] else ""
    variable = field.upper()
    if details["type"] == "missing":
        return (
            f"{variable} is not set: set it in the environment, in .env, "
            f"or in a file {field} in {secrets_folder}"
        )
    if details["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field.lower(), settings_class.model_fields, n=1)
        hint = f"did you mean {near[0].upper()}?" if near else "remove it"
        return f"{variable} in .env is not a setting: {hint}"
    message = details["msg"].removeprefix("Value error, ")
    if field not in settings_class.model_fields or "SecretStr" in str(
        settings_class.model_fields[field].annotation
    ):
        return f"{variable}: {message}"
    return f"{variable}={_shown(str(details['input']))}: {message}"


def _shown(value: str) -> str:
    # One readable line, without an unexpected password in a URL.
    line = re.sub(r"//[^/]*@", "//…@", " ".join(value.split()))
    printable = "".join(character if character.isprintable() else "�" for character in line)
    return printable if len(printable) <= 200 else f"{printable[:200]}…"
