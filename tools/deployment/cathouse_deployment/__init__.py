"""What a deployment needs once: its secrets, and the roles of its database."""
