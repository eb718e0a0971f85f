"""The bodies that installation takes and sends."""
