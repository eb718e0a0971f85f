"""Bodies of auth's requests and responses."""
