"""The telemetry of one run, in one SQLite file."""
