"""Proxy's rules. `call` is what a proxied call is; `exchange.exchange` has its way, from top to bottom."""
