"""Field types that catalog's bodies and parameters share."""

import re
from typing import Annotated

from cathouse_kit.schemas import Line, Paragraphs
from pydantic import AfterValidator, Field, HttpUrl, StringConstraints, TypeAdapter

from cathouse_catalog.services import slugs

_NUMBER = "(0|[1-9][0-9]*)"
_PRERELEASE = "(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_BUILD = "[0-9A-Za-z-]+"
# The grammar of Semantic Versioning 2.0.0.
_VERSION_PATTERN = (
    rf"^{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(-{_PRERELEASE}(\.{_PRERELEASE})*)?"
    rf"(\+{_BUILD}(\.{_BUILD})*)?$"
)

# URL parsers correct malformed URLs in different ways, and may disagree on the host. This pattern accepts only URLs
# that need no correction.
_ENDPOINT = r"https?://[A-Za-z0-9._~%:\[\]-]+(/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*)?"
_HTTP_URL = TypeAdapter(HttpUrl)


def _not_an_id(slug: str) -> str:
    if slugs.uuid_or_none(slug) is not None:
        raise ValueError("must not look like an id")
    return slug


def _endpoint(text: str) -> str:
    if re.fullmatch(_ENDPOINT, text) is None:
        raise ValueError(
            "must be http:// or https://, a host, and optionally a port and a path, without credentials, query and "
            "fragment; percent-encode other characters"
        )
    try:
        return str(_HTTP_URL.validate_python(text)).rstrip("/")
    except ValueError as error:
        raise ValueError("must have a valid host and port") from error


Slug = Annotated[
    str,
    StringConstraints(
        min_length=slugs.MIN_LENGTH, max_length=slugs.MAX_LENGTH, pattern=slugs.PATTERN
    ),
    AfterValidator(_not_an_id),
    Field(examples=["task-keeper"]),
]
MAX_NAME, MAX_TAGLINE, MAX_DESCRIPTION, MAX_CATEGORY, MAX_VERSION = 80, 160, 10_000, 40, 64
MAX_URL, MAX_RELEASE_NOTES, MAX_REASON = 2048, 10_000, 2000
Name = Annotated[Line, Field(max_length=MAX_NAME, examples=["Task Keeper"])]
Tagline = Annotated[Line, Field(max_length=MAX_TAGLINE, examples=["Keeps what you mean to do"])]
Description = Annotated[
    Paragraphs,
    Field(
        max_length=MAX_DESCRIPTION,
        examples=["Write down what you mean to do, and get points for it."],
    ),
]
Category = Annotated[
    str,
    StringConstraints(
        min_length=2, max_length=MAX_CATEGORY, pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
    ),
    Field(
        description="Any word in lower case, or several joined by hyphens",
        examples=["productivity"],
    ),
]
SemanticVersion = Annotated[
    str,
    StringConstraints(max_length=MAX_VERSION, pattern=_VERSION_PATTERN),
    Field(description="A semantic version (semver.org, 2.0.0)", examples=["1.2.0"]),
]
EndpointUrl = Annotated[
    Line,
    Field(max_length=MAX_URL),
    AfterValidator(_endpoint),
    Field(
        description="The root of the cat's HTTP service: http or https, without credentials, query and fragment. "
        "A slash at the end is removed",
        examples=["https://tasks.example.com/api"],
    ),
]
ReleaseNotes = Annotated[
    Paragraphs, Field(max_length=MAX_RELEASE_NOTES, examples=["Lists can be sorted."])
]
Reason = Annotated[
    Paragraphs, Field(min_length=1, max_length=MAX_REASON, examples=["The description is empty."])
]
