"""The task of copier.yml: write the chosen platform into a folder."""

import json
import sys
from pathlib import Path

from cathouse_scaffold.platforms.creation import create_platform
from cathouse_scaffold.platforms.names import PlatformError


def main() -> None:
    operation, given = sys.argv[1:]
    try:
        create_platform(
            Path(__file__).resolve().parents[2],
            Path.cwd(),
            json.loads(given),
            update=operation == "update",
        )
    except PlatformError as error:
        # Without the end of the line: copier writes there that its task has failed.
        print(error, end=". copier: ", file=sys.stderr, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
