"""A platform with other names than that of this repository. The tested kit gets all names from here.

The packages that tests write have a copy of this module.
"""

from enum import StrEnum
from typing import Annotated

from cathouse_kit.platform import IdentityService, Platform
from cathouse_kit.security import require_role
from cathouse_kit.tokens import Principal
from fastapi import Depends


class Role(StrEnum):
    """The role of a person."""

    READER = "reader"
    WRITER = "writer"
    EDITOR = "editor"


PLATFORM = Platform(
    display_name="Paper Mill",
    problem_prefix="urn:paper:problem:",
    audience="paper",
    roles=Role,
    identity=IdentityService(
        name="people",
        issuer="paper-people",
        keys_path="/api/v1/people/keys",
        revocations_path="/api/v1/people/internal/ended",
    ),
)

Reader = Annotated[Principal, Depends(require_role(Role.READER))]
Writer = Annotated[Principal, Depends(require_role(Role.WRITER))]
Editor = Annotated[Principal, Depends(require_role(Role.EDITOR))]
