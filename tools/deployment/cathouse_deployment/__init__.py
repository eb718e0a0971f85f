"""The secrets of a deployment, and the roles of its database."""
