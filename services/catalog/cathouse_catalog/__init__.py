"""Catalog: cats, their versions, the scopes that they declare, and their reviews."""
