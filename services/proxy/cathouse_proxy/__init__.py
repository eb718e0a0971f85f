"""Proxy: the only way to a cat; every call is checked, limited, signed and written down."""
