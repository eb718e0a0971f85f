from cathouse_kit.signing_keys import SigningKeyColumns

from cathouse_auth.models.base import Base


class SigningKey(SigningKeyColumns, Base):
    """A key pair that signs, or signed, access tokens."""
