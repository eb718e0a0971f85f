"""Versions of a cat."""

from cathouse_kit.schemas import RequestBody, ResponseBody, Timestamp
from pydantic import Field

from cathouse_catalog.schemas.fields import (
    MAX_RELEASE_NOTES,
    MAX_VERSION,
    ReleaseNotes,
    SemanticVersion,
)
from cathouse_catalog.schemas.scopes import ScopeBodies, Scopes


class NewVersion(RequestBody):
    version: SemanticVersion
    release_notes: ReleaseNotes = ""
    scopes: Scopes | None = Field(
        default=None, description="Those of the version before, where this is not given"
    )


class ListedVersion(ResponseBody):
    """A version in a list. Its scopes are shown where it is read alone."""

    version: str = Field(max_length=MAX_VERSION, examples=["1.2.0"])
    release_notes: str = Field(max_length=MAX_RELEASE_NOTES, examples=["Lists can be sorted."])
    created_at: Timestamp
    published_at: Timestamp | None = Field(
        description="From when on players could adopt it; null for one that never was public"
    )


class VersionBody(ListedVersion):
    """A version, with the scopes that it declared."""

    scopes: ScopeBodies
