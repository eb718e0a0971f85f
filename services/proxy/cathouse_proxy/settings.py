"""Settings of proxy, in addition to those of every service."""

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
        description="Maximum PostgreSQL connections of a process, 2 or more. The audit uses one of them",
    )
    catalog_url: ServiceUrl = Field(
        "http://127.0.0.1:8002", description="Address of the service catalog"
    )
    installation_url: ServiceUrl = Field(
        "http://127.0.0.1:8003", description="Address of the service installation"
    )
    rate_limit_per_installation: RateLimit = Field(
        RateLimitItemPerMinute(120), description="Maximum rate of calls of one installation"
    )
    unidentified_limit_by_address: RateLimit = Field(
        RateLimitItemPerMinute(60),
        description="Maximum rate of calls without a valid credential from one client address",
    )
    proxy_max_request_bytes: int = Field(
        10 * 1024 * 1024,
        ge=0,
        le=1024**4,
        description="Maximum size of a request body that the proxy forwards to a cat, in bytes",
    )
    proxy_max_answer_bytes: int = Field(
        50 * 1024 * 1024,
        ge=0,
        le=1024**4,
        description="Maximum size of a response body that the proxy forwards from a cat, in bytes",
    )
    proxy_allow_private_upstreams: bool = Field(
        False,
        description="Allow endpoints of cats at loopback and private addresses. For development only",
    )
