"""What auth can be told, beside what every service can."""

from cathouse_kit.rate_limits import RateLimit
from cathouse_kit.settings import Port, ServiceSettings
from limits import RateLimitItemPerMinute
from pydantic import Field


class Settings(ServiceSettings):
    service_name: str = "auth"
    port: Port = 8005
    login_limit_by_address: RateLimit = Field(
        RateLimitItemPerMinute(60), description="Sign-ins that one address may try"
    )
    login_limit_by_account: RateLimit = Field(
        RateLimitItemPerMinute(10), description="Times that one account's password may be tried"
    )
    register_limit_by_address: RateLimit = Field(
        RateLimitItemPerMinute(30), description="Registrations that one address may try"
    )
    register_limit_by_account: RateLimit = Field(
        RateLimitItemPerMinute(10), description="Registrations that may be tried with one email"
    )
