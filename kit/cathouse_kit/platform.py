"""The description of a platform for the kit: its names, its roles, and its identity service.

The kit knows no service. A package of the platform creates one `Platform`, and each service passes it to
`create_service`.
"""

from dataclasses import dataclass
from enum import StrEnum

# Placeholders in texts of API descriptions, which exist before the platform is known. `openapi.describe` replaces them.
IDENTITY_NAME = "{identity_service}"
PROBLEM_PREFIX = "{problem_prefix}"


@dataclass(frozen=True, slots=True)
class IdentityService:
    """The service that signs access tokens, at `/login` and `/refresh`, and lists revocations."""

    name: str
    """The name of the service. A service that calls it has a setting `NAME_url`."""
    issuer: str
    """The `iss` of access tokens."""
    keys_path: str
    """The path of its public keys, a JWK set."""
    revocations_path: str
    """The path of its `RevocationChanges`, for other services."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The names and roles that all services of a platform share."""

    display_name: str
    problem_prefix: str
    """The beginning of the `type` of a problem. The kind follows, such as in `urn:example:problem:not_found`."""
    audience: str
    """The `aud` of access tokens."""
    roles: type[StrEnum]
    """The roles of people, in the `role` of access tokens."""
    identity: IdentityService
