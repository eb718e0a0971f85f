"""Ambiguous paths are refused. All other paths reach the cat as they were checked."""

from urllib.parse import quote, unquote

import pytest
from cathouse_proxy.services.admission.targets import parse_target
from cathouse_proxy.services.errors import RequestRefused, TargetTooLong
from hypothesis import given
from hypothesis import strategies as st

from .support import AMBIGUOUS_PATHS


@pytest.mark.parametrize("raw", AMBIGUOUS_PATHS)
def test_an_ambiguous_path_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestRefused):
        parse_target(raw, b"")


@pytest.mark.parametrize(
    ("raw", "path", "segments"),
    [
        (b"", "/", ("",)),
        (b"tasks", "/tasks", ("tasks",)),
        (b"tasks/", "/tasks/", ("tasks", "")),
        (b"tasks/7/notes", "/tasks/7/notes", ("tasks", "7", "notes")),
        (b"tasks/caf%C3%A9", "/tasks/caf%C3%A9", ("tasks", "café")),
        (b"tasks/caf%c3%a9", "/tasks/caf%C3%A9", ("tasks", "café")),
        (b"t%61sks/%7E", "/tasks/~", ("tasks", "~")),
        (b"tasks/a%20b", "/tasks/a%20b", ("tasks", "a b")),
        (b"tasks/a+b", "/tasks/a+b", ("tasks", "a+b")),
        (b"tasks/100%25", "/tasks/100%25", ("tasks", "100%")),
        (b"tasks/a%3Fb%23c", "/tasks/a%3Fb%23c", ("tasks", "a?b#c")),
        (b"tasks/...", "/tasks/...", ("tasks", "...")),
        (b"tasks/.hidden", "/tasks/.hidden", ("tasks", ".hidden")),
        (b"tasks;v=1/a,b", "/tasks;v=1/a,b", ("tasks;v=1", "a,b")),
        (b"a%3Bb", "/a%3Bb", ("a;b",)),
        (b"a%3bb;c", "/a%3Bb;c", ("a;b;c",)),
        (
            b"%40%3a%2C%2b%24%26%3d%21%27%28%29%2a",
            "/%40%3A%2C%2B%24%26%3D%21%27%28%29%2A",
            ("@:,+$&=!'()*",),
        ),
        (b"%41%7a%30%2d%5F%7e", "/Az0-_~", ("Az0-_~",)),
    ],
)
def test_a_valid_path_is_normalised(raw: bytes, path: str, segments: tuple[str, ...]) -> None:
    target = parse_target(raw, b"")
    assert (target.path, target.segments) == (path, segments)


def test_the_query_is_not_changed() -> None:
    assert parse_target(b"t", b"a=%2e%2E&b=/../&c=[1]|{}").query == "a=%2e%2E&b=/../&c=[1]|{}"


@pytest.mark.parametrize("query", [b"a b", b"a\x00", b"a\xff", b"a#b", b"a\r\nX: 1"])
def test_a_query_that_could_end_early_is_refused(query: bytes) -> None:
    with pytest.raises(RequestRefused):
        parse_target(b"t", query)


def test_the_length_of_path_and_query_is_limited() -> None:
    assert parse_target(b"t" * 4000, b"q" * 4000).query
    with pytest.raises(TargetTooLong):
        parse_target(b"t" * 4000, b"q" * 4001)


RESERVED = ":?#[]@!$&'()*+,;="  # RFC 3986, section 2.2, without the slash


@given(st.lists(st.sampled_from([*RESERVED, *map(quote, RESERVED), "a", "%61", "~"]), min_size=1))
def test_reserved_characters_stay_as_they_were_written(parts: list[str]) -> None:
    raw = "".join(part for part in parts if part not in "?#[]")
    sent = parse_target(raw.encode(), b"").path
    assert sent == "/" + raw.replace("%61", "a")


segments = st.lists(st.text(max_size=8), min_size=1, max_size=4)


@given(segments)
def test_the_sent_path_means_the_same_as_the_checked_path(parts: list[str]) -> None:
    raw = "/".join(quote(part, safe="") for part in parts if _encodable(part)).encode()
    try:
        target = parse_target(raw, b"")
    except RequestRefused:
        return
    # Decoding the sent path before or after splitting it gives the segments that were checked.
    sent = target.path.removeprefix("/")
    assert tuple(unquote(part) for part in sent.split("/")) == target.segments
    assert tuple(unquote(sent).split("/")) == target.segments
    # Parsing it again changes nothing.
    assert parse_target(sent.encode(), b"") == target


@given(st.binary(max_size=24))
def test_no_bytes_lead_out_of_the_cat(raw: bytes) -> None:
    try:
        target = parse_target(raw, b"")
    except RequestRefused:
        return
    assert target.path.startswith("/")
    assert not target.path.startswith("//")
    assert all(part not in (".", "..") for part in target.path.split("/"))
    assert target.path.isascii()
    assert target.path.isprintable()
    assert not set(target.path) & set(" ?#\\")


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)
