"""Prevent libraries from importing parts that no service uses."""

import sys

_PARTS = (
    # The command line of httpx. It imports rich and pygments if they are installed.
    "httpx._main",
    # The reload of uvicorn's command line. It imports watchfiles if that is installed.
    "uvicorn.supervisors.watchfilesreload",
)


def leave_out_unused_parts() -> None:
    """Make the imports of these parts fail, which the libraries handle. Call this before you import the libraries."""
    for name in _PARTS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
