"""The exchange with a cat: send the request, and return the response."""
