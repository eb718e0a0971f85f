"""Sources of the telemetry: spans, log files, metrics, processes, the database."""
