"""A small runner for `process-compose.yaml`. It supports the part of the format that Cat House uses."""
