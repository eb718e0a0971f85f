"""The bodies that proxy sends of its own."""
