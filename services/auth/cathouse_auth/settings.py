"""What auth can be told, beside what every service can."""

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
        description="The largest request body that is accepted; no body of auth needs more than 16 KiB",
    )
    login_limit_by_address: RateLimit = Field(
        RateLimitItemPerMinute(60), description="Sign-ins that one address may try"
    )
    login_limit_by_account: RateLimit = Field(
        RateLimitItemPerMinute(10),
        description="Wrong passwords for one account. Addresses that signed in to it in the last 30 days are counted "
        "apart, each alone",
    )
    login_daily_limit_by_account: RateLimit = Field(
        RateLimitItemPerDay(100),
        description="The same for a longer time: it bounds how long a password can be guessed at",
    )
    register_limit_by_address: RateLimit = Field(
        RateLimitItemPerMinute(30), description="Registrations that one address may try"
    )
    register_limit_by_account: RateLimit = Field(
        RateLimitItemPerMinute(10), description="Registrations that may be tried with one email"
    )
