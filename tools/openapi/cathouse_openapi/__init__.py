"""The API of every service as committed descriptions, and the changes between them."""
