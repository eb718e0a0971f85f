"""Catalog's rules and queries. Functions have a session and plain values as arguments, and raise typed errors."""
