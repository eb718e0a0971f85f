"""Catalog's bodies."""
