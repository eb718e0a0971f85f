"""The baselines: the smallest honest programs that do the work of a service, one file each."""
