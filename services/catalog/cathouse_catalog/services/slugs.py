"""Slugs: the names of cats in URLs."""

import re
import unicodedata
from uuid import UUID

from cathouse_catalog.services.errors import NameMakesNoSlug

MIN_LENGTH, MAX_LENGTH = 2, 64
PATTERN = "^[a-z0-9]+(-[a-z0-9]+)*$"


def slug_from(name: str) -> str:
    """Derive a slug from the digits and Latin letters of a name, without accents. Raises `NameMakesNoSlug`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall("[a-z0-9]+", plain))[:MAX_LENGTH].rstrip("-")
    if not is_slug(slug):
        raise NameMakesNoSlug
    return slug


def is_slug(text: str) -> bool:
    """Return whether the text is a valid slug. A text that looks like an id is not."""
    fits = MIN_LENGTH <= len(text) <= MAX_LENGTH and re.fullmatch(PATTERN, text)
    return bool(fits) and uuid_or_none(text) is None


def uuid_or_none(text: str) -> UUID | None:
    """Parse a UUID. Return None for any other text."""
    try:
        return UUID(text)
    except ValueError:
        return None
