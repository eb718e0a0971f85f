"""Measure the services beside the smallest honest version of the same work: `make bench`."""
