"""Proxy's routes. A router parses, calls one function, returns."""
