"""Proxy's tables, in the schema `proxy`."""

from cathouse_proxy.models.base import Base
from cathouse_proxy.models.proxied_call import ProxiedCall
from cathouse_proxy.models.pseudonym_secret import PseudonymSecret
from cathouse_proxy.models.signing_key import SigningKey

__all__ = ["Base", "ProxiedCall", "PseudonymSecret", "SigningKey"]
