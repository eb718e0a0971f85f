"""The texts that describe a platform: its description, and the holder of the copyright."""

import re
from pathlib import Path

from cathouse_scaffold.platforms.choices import FILE, Choices
from cathouse_scaffold.platforms.names import PlatformError


def write_texts(root: Path, choices: Choices) -> None:
    """Write the description and the copyright. Raises `PlatformError` if a file has no place for them."""
    name, description = choices.name.display, choices.description
    # The first paragraph of the README stands between its heading and the first empty line behind it.
    readme = root / "README.md"
    heading, _, rest = readme.read_text(encoding="utf-8").partition("\n\n")
    readme.write_text(
        "\n\n".join([heading, f"{description}.", rest.partition("\n\n")[2]]), encoding="utf-8"
    )
    flake = root / "flake.nix"
    text, found = re.subn(
        r'^  description = ".*";$',
        lambda _: f'  description = "{name}: {description}";',
        flake.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    if not found:
        raise PlatformError("flake.nix has no description")
    flake.write_text(text, encoding="utf-8")
    (root / "NOTICE").write_text(
        f"{name}\nCopyright {choices.licence_holder}\n\n{FILE} names the project from which this platform was made.\n",
        encoding="utf-8",
    )
