"""The audit of proxied calls. `writer` writes rows, `queries` reads them, and `retention` deletes old ones."""
