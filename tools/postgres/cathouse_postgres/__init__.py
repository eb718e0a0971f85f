"""PostgreSQL for development and for tests, with its own roles and schema for each service."""
