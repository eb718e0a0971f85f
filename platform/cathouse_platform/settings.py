"""Settings of every service of Cat House except auth, which uses the settings of the kit."""

from cathouse_kit.settings import ServiceSettings, ServiceUrl
from pydantic import Field


class PlatformSettings(ServiceSettings):
    """The settings of a service that verifies access tokens with auth's keys and revocations."""

    auth_url: ServiceUrl = Field(
        "http://127.0.0.1:8005", description="URL of auth, for its public keys and revocations"
    )
