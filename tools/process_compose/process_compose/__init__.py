"""A small runner of `process-compose.yaml`: the part of the format that Cat House uses."""
