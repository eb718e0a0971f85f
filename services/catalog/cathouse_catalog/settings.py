"""Settings of catalog, in addition to those of every service."""

from cathouse_kit.settings import Port, ServiceName, ServiceUrl
from cathouse_platform.settings import PlatformSettings
from pydantic import Field


class Settings(PlatformSettings):
    service_name: ServiceName = "catalog"
    port: Port = 8002
    installation_url: ServiceUrl = Field(
        "http://127.0.0.1:8003", description="Address of the service installation"
    )
    catalog_allow_http_endpoints: bool = Field(
        False,
        description="Allow endpoints of cats with http://, without encryption. For development only",
    )
    max_cats_per_developer: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Maximum cats of a developer, including rejected ones",
    )
    max_drafts_per_developer: int = Field(
        20,
        ge=1,
        le=1_000_000,
        description="Maximum cats of a developer that are drafts or submitted",
    )
    max_versions_per_cat: int = Field(
        1000, ge=1, le=1_000_000, description="Maximum versions of a cat"
    )
    max_versions_per_cat_a_day: int = Field(
        50, ge=1, le=1_000_000, description="Maximum new versions of a cat within 24 hours"
    )
    max_reviews_per_player: int = Field(
        1000, ge=1, le=1_000_000, description="Maximum reviews of a player"
    )
