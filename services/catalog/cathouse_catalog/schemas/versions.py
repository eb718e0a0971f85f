"""Versions of a cat."""

from cathouse_kit.schemas import RequestBody, ResponseBody, Timestamp
from pydantic import Field

from cathouse_catalog.schemas.fields import ReleaseNotes, SemanticVersion
from cathouse_catalog.schemas.scopes import Scope, Scopes


class NewVersion(RequestBody):
    version: SemanticVersion
    release_notes: ReleaseNotes = ""
    scopes: Scopes | None = Field(
        default=None, description="Those of the version before, where this is not given"
    )


class VersionBody(ResponseBody):
    version: str = Field(examples=["1.2.0"])
    release_notes: str = Field(examples=["Lists can be sorted."])
    scopes: list[Scope]
    created_at: Timestamp
    published_at: Timestamp | None = Field(
        description="From when on players could adopt it; null for one that never was public"
    )
