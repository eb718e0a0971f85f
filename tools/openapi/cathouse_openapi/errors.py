class ApiError(Exception):
    """The API is not as it should be; the message is for the person who changed it."""
