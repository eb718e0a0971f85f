from typing import Annotated, Any
from uuid import UUID

from cathouse_kit.bounds import MAX_BYTES
from cathouse_kit.schemas import Line, RequestBody, ResponseBody, Timestamp
from pydantic import Field

from cathouse_installation.models import Status
from cathouse_installation.models.installation import NAME_LENGTH
from cathouse_installation.schemas.settings import MAX_BYTES as MAX_SETTINGS
from cathouse_installation.schemas.settings import SettingsObject

ScopeName = Annotated[Line, Field(max_length=100)]
GrantedScopes = Annotated[
    list[ScopeName],
    Field(
        max_length=100,
        description="Scopes that the cat's manifest declares, including all required ones",
        examples=[["tasks:read"]],
    ),
]
Name = Annotated[Line, Field(max_length=NAME_LENGTH, examples=["Chores"])]
SentScopeName = Annotated[str, Field(json_schema_extra={MAX_BYTES: 66})]
CAT_ID = UUID("0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e")
INSTALLATION_ID = UUID("0199b6a4-21d7-7f10-8d5c-6b2f9e0a7c31")


class Adoption(RequestBody):
    cat_id: UUID = Field(examples=[CAT_ID])
    granted_scopes: GrantedScopes
    name: Name | None = Field(None, description="Default: the name of the cat")
    settings: SettingsObject = Field(default_factory=dict)


class InstallationChange(RequestBody):
    """Fields that are left out stay as they are. `settings` replaces the whole object."""

    # Factories make the fields optional. Null is still refused, and the API description shows no default.
    name: Name = Field(default_factory=str)
    settings: SettingsObject = Field(default_factory=dict)


class ScopesChange(RequestBody):
    granted_scopes: GrantedScopes


class InstallationBody(ResponseBody):
    id: UUID = Field(examples=[INSTALLATION_ID])
    user_id: UUID
    cat_id: UUID = Field(examples=[CAT_ID])
    cat_version: str = Field(
        max_length=100,
        description="The version of the cat from which the granted scopes were chosen",
        examples=["1.4.0"],
    )
    name: str = Field(max_length=NAME_LENGTH, examples=["Chores"])
    status: Status
    granted_scopes: list[SentScopeName] = Field(max_length=100, examples=[["tasks:read"]])
    settings: dict[str, Any] = Field(
        json_schema_extra={MAX_BYTES: MAX_SETTINGS}, examples=[{"theme": "dark"}]
    )
    installed_at: Timestamp
    last_used_at: Timestamp | None = Field(
        description="Time of the last call through the proxy, to the minute. Null before the first call"
    )


class InstallationWithCredential(ResponseBody):
    installation: InstallationBody
    credential: str = Field(
        max_length=256,
        description="The secret of the installation. Save it now: the platform stores only its hash",
        examples=["cat_pXv1dYQ3kq0kq3o1X5wQy7nT0m8h2bUeJrLw4sZcF9A"],
    )
