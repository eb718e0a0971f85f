"""What catalog can be told, beside what every service can."""

from cathouse_kit.settings import Port, ServiceName, ServiceUrl
from cathouse_platform.settings import PlatformSettings
from pydantic import Field


class Settings(PlatformSettings):
    service_name: ServiceName = "catalog"
    port: Port = 8002
    installation_url: ServiceUrl = Field(
        "http://127.0.0.1:8003", description="Where the installations are"
    )
    catalog_allow_http_endpoints: bool = Field(
        False,
        description="Lets the endpoint of a cat be http://, without encryption; for development only",
    )
    max_cats_per_developer: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Cats that a developer may have, rejected ones included",
    )
    max_drafts_per_developer: int = Field(
        20, ge=1, le=1_000_000, description="Cats of these that may be drafts or submitted"
    )
    max_versions_per_cat: int = Field(
        1000, ge=1, le=1_000_000, description="Versions that a cat may have"
    )
    max_versions_per_cat_a_day: int = Field(
        50, ge=1, le=1_000_000, description="New versions that a cat may get within 24 hours"
    )
    max_reviews_per_player: int = Field(
        1000, ge=1, le=1_000_000, description="Reviews that a player may have"
    )
