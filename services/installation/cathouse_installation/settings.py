"""Settings of installation, in addition to those of every service."""

from cathouse_kit.settings import Port, ServiceName, ServiceUrl
from cathouse_platform.settings import PlatformSettings
from pydantic import Field


class Settings(PlatformSettings):
    service_name: ServiceName = "installation"
    port: Port = 8003
    catalog_url: ServiceUrl = Field(
        "http://127.0.0.1:8002", description="Address of the service catalog"
    )
    max_installations_per_player: int = Field(
        200,
        ge=1,
        le=1_000_000,
        description="Maximum installations of a player, not counting uninstalled ones",
    )
    max_adoptions_per_player_a_day: int = Field(
        100, ge=1, le=1_000_000, description="Maximum adoptions of a player within 24 hours"
    )
