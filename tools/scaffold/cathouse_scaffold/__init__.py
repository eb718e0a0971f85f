"""Create and remove services, and render the files that depend on services.toml."""
