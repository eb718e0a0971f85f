"""What a platform tells the kit: its names, its roles, and the service that knows its people.

The kit knows no service. A package of the platform's own creates one `Platform`, and each service passes it to
`create_service`.
"""

from dataclasses import dataclass
from enum import StrEnum

# Texts of API descriptions are written before the platform is known. `openapi.describe` replaces these by its values.
IDENTITY_NAME = "{identity_service}"
PROBLEM_PREFIX = "{problem_prefix}"


@dataclass(frozen=True, slots=True)
class IdentityService:
    """The service that signs access tokens, at `/login` and `/refresh`, and lists whose powers have ended."""

    name: str
    """A service that calls it has a setting `NAME_url`."""
    issuer: str
    """The `iss` of access tokens."""
    keys_path: str
    """Where it publishes its keys, as a JWK set."""
    revocations_path: str
    """Where it responds with `RevocationChanges`, to other services."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What is the same in all services of a platform, and another in the next platform."""

    display_name: str
    problem_prefix: str
    """The `type` of a problem is this and the kind of problem, as in `urn:example:problem:not_found`."""
    audience: str
    """The `aud` of access tokens."""
    roles: type[StrEnum]
    """What a person may be, in the `role` of access tokens."""
    identity: IdentityService
