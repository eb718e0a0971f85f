"""Proxy's rules. `call` defines a proxied call, and `exchange.exchange` runs its steps in order."""
