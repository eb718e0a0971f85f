"""Brings the database of every installed service up to date."""
