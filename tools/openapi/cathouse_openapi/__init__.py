"""The API of every service as committed descriptions, and what changes in it."""
