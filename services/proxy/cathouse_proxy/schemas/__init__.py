"""The response bodies of proxy's own routes."""
