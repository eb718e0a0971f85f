"""Where a request comes from."""

from fastapi import Request


def address_of(request: Request) -> str:
    """The caller's address. There is none where the server listens on a Unix socket; then all callers count as one."""
    return request.client.host if request.client else ""
