"""The bodies that auth takes and sends."""
