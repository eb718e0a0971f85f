"""What installation can be told, beside what every service can."""

from cathouse_kit.settings import Port, ServiceName, ServiceUrl
from cathouse_platform.settings import PlatformSettings
from pydantic import Field


class Settings(PlatformSettings):
    service_name: ServiceName = "installation"
    port: Port = 8003
    catalog_url: ServiceUrl = Field("http://127.0.0.1:8002", description="Where the catalog is")
    max_installations_per_player: int = Field(
        200,
        ge=1,
        le=1_000_000,
        description="Installations that a player may have, uninstalled ones not counted",
    )
    max_adoptions_per_player_a_day: int = Field(
        100, ge=1, le=1_000_000, description="Adoptions that a player may make within 24 hours"
    )
