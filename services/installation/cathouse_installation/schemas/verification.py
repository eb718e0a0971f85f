from uuid import UUID

from cathouse_kit.schemas import RequestBody, ResponseBody
from pydantic import ConfigDict, Field, SecretStr, model_validator

from cathouse_installation.models import Status
from cathouse_installation.schemas.installations import (
    CAT_ID,
    INSTALLATION_ID,
    SentScopeName,
)


class Verification(RequestBody):
    """Give exactly one of the two fields."""

    model_config = ConfigDict(
        json_schema_extra={
            "minProperties": 1,
            "maxProperties": 1,
            "examples": [{"installation_id": str(INSTALLATION_ID)}],
        }
    )

    credential: SecretStr | None = Field(None, min_length=1, max_length=256)
    installation_id: UUID | None = Field(None, examples=[INSTALLATION_ID])

    @model_validator(mode="after")
    def _exactly_one(self) -> "Verification":
        if (self.credential is None) == (self.installation_id is None):
            raise ValueError("give either credential or installation_id")
        return self


class Verified(ResponseBody):
    installation_id: UUID = Field(examples=[INSTALLATION_ID])
    user_id: UUID
    cat_id: UUID = Field(examples=[CAT_ID])
    status: Status
    granted_scopes: list[SentScopeName] = Field(max_length=100, examples=[["tasks:read"]])


class AdoptionState(ResponseBody):
    adopted: bool = Field(description="True also if the player has uninstalled the cat since")
