from cathouse_kit.signing_keys import SigningKeyColumns

from cathouse_proxy.models.base import Base


class SigningKey(SigningKeyColumns, Base):
    """A key pair that signs, or signed, the identity tokens that cats receive."""
