"""Compare the services with baselines, the smallest honest programs that do the same work: `make bench`."""
