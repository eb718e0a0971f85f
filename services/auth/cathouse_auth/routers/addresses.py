"""The address that a request comes from."""

from fastapi import Request


def address_of(request: Request) -> str:
    """Return the caller's address. On a Unix socket it is empty, and all callers count as one."""
    return request.client.host if request.client else ""
