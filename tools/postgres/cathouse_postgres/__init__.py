"""PostgreSQL for development and for tests, with a role and a schema for every service."""
