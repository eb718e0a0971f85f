class ApiError(Exception):
    """A check of the API failed. The message is shown to the developer who changed the API."""
