"""Settings of auth, in addition to those of every service."""

from cathouse_kit.rate_limits import RateLimit
from cathouse_kit.settings import Port, ServiceName, ServiceSettings
from limits import RateLimitItemPerDay, RateLimitItemPerMinute
from pydantic import Field


class Settings(ServiceSettings):
    service_name: ServiceName = "auth"
    port: Port = 8005
    max_body_bytes: int = Field(
        16 * 1024,
        ge=1024,
        le=16 * 1024,
        description="Largest request body that is accepted, in bytes. No request to auth needs more than 16 KiB",
    )
    login_limit_by_address: RateLimit = Field(
        RateLimitItemPerMinute(60),
        description="Sign-in attempts from one IP address. For IPv6, a /64 network counts as one address",
    )
    login_limit_by_account: RateLimit = Field(
        RateLimitItemPerMinute(10),
        description="Wrong passwords for one account. An IP address that signed in to it in the last 30 days has "
        "its own count",
    )
    login_daily_limit_by_account: RateLimit = Field(
        RateLimitItemPerDay(100),
        description="Wrong passwords for one account over a longer time, against slow guessing",
    )
    register_limit_by_address: RateLimit = Field(
        RateLimitItemPerMinute(30),
        description="Registration attempts from one IP address. For IPv6, a /64 network counts as one address",
    )
    register_limit_by_account: RateLimit = Field(
        RateLimitItemPerMinute(10), description="Registration attempts with one email"
    )
