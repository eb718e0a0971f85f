"""Auth's tables, in the schema `auth`."""

from cathouse_auth.models.admin_action import AdminAction
from cathouse_auth.models.base import Base
from cathouse_auth.models.person import Person
from cathouse_auth.models.revocation import Revocation
from cathouse_auth.models.session import RefreshToken, SignInSession
from cathouse_auth.models.signing_key import SigningKey

__all__ = [
    "AdminAction",
    "Base",
    "Person",
    "RefreshToken",
    "Revocation",
    "SignInSession",
    "SigningKey",
]
