"""The name of a platform, in all the spellings that files and paths contain."""

import re
import sys
from dataclasses import dataclass

from cathouse_scaffold.reserved import KEYWORDS, SQL

LONGEST = 30
"""Names of services have the same limit: PLATFORM-SERVICE then has 61 characters. A DNS label and a name in PostgreSQL
can have 63."""

# Words that already have a meaning in this repository. A later `make rename` could not tell them from the name.
_USED = set(
    """
    admin api app auth base bench browser catalog caddy cat cats ci clients compose containers contracts copier
    dashboard database default demo deploy deployment devenv docker docs example examples fastapi faults gateway grafana
    hostile house images installation journey kit kubernetes main migrate nix openapi platform player postgres
    postgresql process prometheus proxy public python ready registry requirements role scaffold schema service services
    stack swarm tasks template test tests token tools tutorial user users uvicorn valkey version
    """.split()  # noqa: SIM905
)


class PlatformError(Exception):
    """The platform cannot be created, renamed or updated so. The text says what to do."""


@dataclass(frozen=True)
class PlatformName:
    """The name that people read, such as Acme Tools, and the name of packages, such as acmetools."""

    display: str
    package: str

    def spellings(self) -> tuple[str, ...]:
        """Return the same spellings in the same order for every name.

        Some are the same text if the display name is one word. The first of them then counts.
        """
        words = self.display.split()
        return (
            self.package,
            self.package.upper(),
            self.display,
            self.display.lower(),
            "-".join(words),
            self.slug,
            "_".join(words).lower(),
            self.class_name,
            self.class_name[:1].lower() + self.class_name[1:],
            self.package.capitalize(),
        )

    @property
    def class_name(self) -> str:
        """Return the name of the class of the clients, such as AcmeTools."""
        return "".join(word[:1].upper() + word[1:] for word in self.display.split())

    @property
    def slug(self) -> str:
        """Return the name for addresses and Nix, such as acme-tools."""
        return "-".join(self.display.lower().split())


CURRENT = PlatformName("Cat House", "cathouse")


def check_name(name: PlatformName) -> None:
    """Raise `PlatformError` if a platform cannot have this name."""
    # Passwords may not contain the name, and a shorter one is part of many words.
    if len(name.display) < 4 or not re.fullmatch(
        r"[A-Za-z][A-Za-z0-9]*(?: [A-Za-z0-9]+)*", name.display
    ):
        raise PlatformError(
            f"{name.display!r} cannot be the display name: use 4 or more letters and digits, with single spaces between"
            " words, and begin with a letter, such as Acme Tools"
        )
    if not re.fullmatch(r"[a-z][a-z0-9]{3,}", name.package):
        raise PlatformError(
            f"{name.package!r} cannot be the package name: use 4 or more characters of a to z and 0 to 9, and begin"
            " with a letter, such as acmetools"
        )
    for value in (name.display, name.package):
        if len(value) > LONGEST:
            raise PlatformError(
                f"{value} has {len(value)} characters: use at most {LONGEST}, because NAME-SERVICE must fit a DNS label"
                " and a name in PostgreSQL, of 63 characters each"
            )
    for kind, words in KEYWORDS.items():
        if name.package in words:
            raise refused(name, f"is {kind}")
    if name.package in sys.stdlib_module_names:
        raise refused(name, "is a module of Python")
    if name.package in SQL:
        raise refused(name, "is a reserved word of PostgreSQL")
    if name.package in _USED:
        raise refused(name, "already has a meaning in this repository")
    if CURRENT.package in name.package or name.package in CURRENT.package:
        raise refused(name, f"contains {CURRENT.package}, or is a part of it")


def refused(name: PlatformName, reason: str) -> PlatformError:
    """Return the error of a name that has this meaning."""
    return PlatformError(
        f"{name.package} cannot be the package name: it {reason}. Use another name"
    )
