"""Admission of a call: checks of the caller, the request, and the cat's status."""
