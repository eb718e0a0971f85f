"""What proxy can be told, beside what every service can."""

from cathouse_kit.rate_limits import RateLimit
from cathouse_kit.settings import Port, ServiceName, ServiceUrl
from cathouse_platform.settings import PlatformSettings
from limits import RateLimitItemPerMinute
from pydantic import Field


class Settings(PlatformSettings):
    service_name: ServiceName = "proxy"
    port: Port = 8004
    database_pool_size: int = Field(
        5,
        ge=2,
        le=100,
        description="Connections to PostgreSQL that a process may hold; the audit keeps one of them",
    )
    catalog_url: ServiceUrl = Field("http://127.0.0.1:8002", description="Where the catalog is")
    installation_url: ServiceUrl = Field(
        "http://127.0.0.1:8003", description="Where the installations are"
    )
    rate_limit_per_installation: RateLimit = Field(
        RateLimitItemPerMinute(120), description="Calls that an installation may make"
    )
    unidentified_limit_by_address: RateLimit = Field(
        RateLimitItemPerMinute(60),
        description="Calls without a valid credential that one address may make; each is counted, none is in the audit",
    )
    proxy_max_request_bytes: int = Field(
        10 * 1024 * 1024,
        ge=0,
        le=1024**4,
        description="The largest body that is passed on to a cat",
    )
    proxy_max_answer_bytes: int = Field(
        50 * 1024 * 1024,
        ge=0,
        le=1024**4,
        description="The largest body that is passed on from a cat",
    )
    proxy_allow_private_upstreams: bool = Field(
        False,
        description="Lets cats be at loopback and private addresses; for development only",
    )
