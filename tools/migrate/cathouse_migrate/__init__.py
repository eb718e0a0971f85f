"""Upgrade the database schema of every installed service to its newest revision."""
