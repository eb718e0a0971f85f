"""Proxy's rules: each step of a mediated call is one module."""
