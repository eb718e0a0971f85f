"""Commands around the development stack: checks, status, demo, seed data, logs and tests."""
