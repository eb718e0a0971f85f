"""What Cat House is, for its services: its names, roles, guards and settings. It stands on the kit alone."""
