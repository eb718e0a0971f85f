"""The smallest honest versions of the services' work, one file each."""
