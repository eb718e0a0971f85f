"""Slugs: what a cat is called in addresses."""

import re
import unicodedata
from uuid import UUID

from cathouse_catalog.services.errors import NameMakesNoSlug

MIN_LENGTH, MAX_LENGTH = 2, 64
PATTERN = "^[a-z0-9]+(-[a-z0-9]+)*$"


def slug_from(name: str) -> str:
    """The slug that a name makes: its Latin letters, without accents, and digits. Raises `NameMakesNoSlug`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall("[a-z0-9]+", plain))[:MAX_LENGTH].rstrip("-")
    if not is_slug(slug):
        raise NameMakesNoSlug
    return slug


def is_slug(text: str) -> bool:
    """Whether a cat may be called so; what looks like an id may not be a slug."""
    fits = MIN_LENGTH <= len(text) <= MAX_LENGTH and re.fullmatch(PATTERN, text)
    return bool(fits) and uuid_or_none(text) is None


def uuid_or_none(text: str) -> UUID | None:
    """The UUID that a text is; None for any other text."""
    try:
        return UUID(text)
    except ValueError:
        return None
