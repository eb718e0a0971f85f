"""The request and response bodies of catalog."""
