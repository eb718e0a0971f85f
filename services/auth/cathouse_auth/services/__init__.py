"""Auth's rules and queries. Functions accept a database session and plain values, and raise typed errors."""
