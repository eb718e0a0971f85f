"""The names and roles of Cat House, for the kit."""

from enum import StrEnum

from cathouse_kit.platform import IdentityService, Platform


class Role(StrEnum):
    """The role of a person."""

    PLAYER = "player"
    DEVELOPER = "developer"
    ADMIN = "admin"


PLATFORM = Platform(
    display_name="Cat House",
    problem_prefix="urn:cathouse:problem:",
    audience="cathouse",
    roles=Role,
    identity=IdentityService(
        name="auth",
        issuer="cathouse-auth",
        keys_path="/api/v1/auth/jwks",
        revocations_path="/api/v1/auth/internal/revocations",
    ),
)
