"""Bodies of a cat's versions."""

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
        default=None, description="Default: the scopes of the previous version"
    )


class ListedVersion(ResponseBody):
    """A version in a list, without its scopes."""

    version: str = Field(max_length=MAX_VERSION, examples=["1.2.0"])
    release_notes: str = Field(max_length=MAX_RELEASE_NOTES, examples=["Lists can be sorted."])
    created_at: Timestamp
    published_at: Timestamp | None = Field(
        description="The time from which players could adopt it. Null if it was never published"
    )


class VersionBody(ListedVersion):
    """A version, with the scopes that it declared."""

    scopes: ScopeBodies
