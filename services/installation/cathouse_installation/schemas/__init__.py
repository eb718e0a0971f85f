"""The request and response bodies of installation."""
