"""Keep libraries from importing parts of theirs that no service uses."""

import sys

_PARTS = (
    # The command line of httpx, which imports rich and pygments where they are installed.
    "httpx._main",
    # The reload of uvicorn's command line, which imports watchfiles where it is installed.
    "uvicorn.supervisors.watchfilesreload",
)


def leave_out_unused_parts() -> None:
    """Make the imports of these parts fail, which the libraries expect. Call this before they are imported."""
    for name in _PARTS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
