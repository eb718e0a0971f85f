"""Carry a call to its cat and the response back."""
