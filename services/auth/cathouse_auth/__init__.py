"""Auth: people, their sessions, and the keys that sign access tokens."""
