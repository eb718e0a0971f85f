"""Installation's rules and queries. Functions take a session and plain values, and raise typed errors."""
