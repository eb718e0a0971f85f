"""What every service of Cat House can be told but auth, whose settings stand on the kit's."""

from cathouse_kit.settings import ServiceSettings, ServiceUrl
from pydantic import Field


class PlatformSettings(ServiceSettings):
    """The settings of a service that checks access tokens with auth's keys and revocations."""

    auth_url: ServiceUrl = Field(
        "http://127.0.0.1:8005", description="Where the keys of people's tokens are"
    )
