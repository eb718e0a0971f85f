"""Catalog: cats, their versions, the scopes they declare, and what people say of them."""
