"""Hostile requests for the operations that a service describes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from ..contracts.surroundings import Known
from .probed import Headers, Request

JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"
_MEBIBYTE = 1 << 20
_ODD_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",  # half of a character, which JSON can contain but UTF-8 cannot
    "\u200b",
    "\u202egnp.exe",
    "e\u0301" * 50,
    "ß\u0130ı\ufb03",
    "\U0001f408\u200d\u2b1b",
    "\ufffe\uffff",
    "../../etc/passwd",
    "' or 1=1 --",
    "%00%ff%zz",
    "\\",
    "{}",
    "null",
    "-" * 64,
    "x" * 5000,
    "9" * 5000,
    "٣",
    "2026-02-30T25:61:61Z",
    "00000000-0000-0000-0000-000000000000",
    "http://[::1",
)
_ODD_NUMBERS = ("1e400", "-0", "1e-400", "9" * 5000, str(2**63), str(-(2**63) - 1), "0.1")
_ODD_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"authorization", b"Bearer"),
    (b"authorization", b"Bearer " + b"a." * 2000),
    (b"authorization", b"Bearer \xff\xfe"),
    (b"authorization", b"Basic Og=="),
    (b"x-request-id", b"\xc3\xa9" * 64),
    (b"traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-ff"),
    (b"tracestate", b"=" * 600),
    (b"accept", b"*/*;q=nan"),
    (b"accept-encoding", b"gzip;q=9"),
    (b"cookie", b"a=" + b"b" * 8000),
    (b"range", b"bytes=9-1"),
    (b"if-none-match", b'W/"'),
    (b"idempotency-key", b"\x80"),
    (b"idempotency-key", b"k" * 256),
    (b"content-encoding", b"br"),
    (b"expect", b"201-created"),
    (b"x-forwarded-for", b"::ffff:1.2.3.4, evil"),
    (b"x-http-method-override", b"DELETE"),
    (b"origin", b"null"),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """The parts of an operation's description that hostile requests need."""

    method: str
    path: str
    parameters: tuple[str, ...]
    """The names of parameters in the path."""
    queries: tuple[str, ...]
    fields: tuple[str, ...]
    """The names of fields in the body."""
    media_type: bytes

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"


def operations(description: dict[str, Any]) -> list[Operation]:
    """Return all operations. Those that delete come last, so that the others find their data."""
    found = [
        _operation(description, method.upper(), path, raw)
        for path, methods in description["paths"].items()
        for method, raw in methods.items()
    ]
    return sorted(found, key=lambda operation: operation.method == "DELETE")


def _operation(
    description: dict[str, Any], method: str, path: str, raw: dict[str, Any]
) -> Operation:
    content = raw.get("requestBody", {}).get("content", {})
    media_type = next(iter(content), "")
    schema = content[media_type].get("schema", {}) if media_type else {}
    if reference := schema.get("$ref"):
        schema = description["components"]["schemas"][reference.rpartition("/")[2]]

    def names(place: str) -> tuple[str, ...]:
        return tuple(p["name"] for p in raw.get("parameters", ()) if p["in"] == place)

    return Operation(
        method,
        path,
        names("path"),
        names("query"),
        tuple(schema.get("properties", ())),
        media_type.encode() if media_type != "*/*" else JSON,
    )


# JSON values as text, because the parser's limits are tested too.
_texts = st.sampled_from(_ODD_TEXTS) | st.text(max_size=40)
_scalars = st.one_of(
    _texts.map(json.dumps),
    st.sampled_from(_ODD_NUMBERS),
    st.integers().map(str),
    st.sampled_from(("null", "true", "false", "NaN", "-Infinity", "{}", "[]")),
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(_texts.map(json.dumps), inner), max_size=4).map(
            lambda pairs: f"{{{','.join(f'{key}:{value}' for key, value in pairs)}}}"
        )
    ),
    max_leaves=8,
)


def requests(
    operation: Operation, known: Known, callers: list[dict[str, str]]
) -> st.SearchStrategy[Request]:
    """Draw requests in which any part may be odd."""

    @st.composite
    def build(draw: st.DrawFn) -> Request:
        path = operation.path
        for name in operation.parameters:
            good = st.sampled_from([str(value) for value in known.get(name, ["x"])])
            path = path.replace(f"{{{name}}}", _quoted(draw(good | _texts)))
        queries = [(name, draw(_texts)) for name in operation.queries if draw(st.booleans())]
        caller = _header_list(draw(st.sampled_from(callers)))
        odd = draw(st.lists(st.sampled_from(_ODD_HEADERS), max_size=2))
        body, media_type = b"", b""
        if operation.media_type:
            body = _body(operation, {name: draw(_values) for name in _some(draw, operation.fields)})
            media_type = operation.media_type
        content = [(b"content-type", media_type)] if media_type else []
        return Request(
            operation.method,
            path,
            "&".join(f"{name}={_quoted(value)}" for name, value in queries).encode(),
            (*caller, *content, *odd),
            body,
        )

    return build()


def heavy(operation: Operation, known: Known, callers: list[dict[str, str]]) -> Iterator[Request]:
    """Yield requests of the largest size and depth, for each caller."""
    path = operation.path
    for name in operation.parameters:
        path = path.replace(f"{{{name}}}", _quoted(str(known.get(name, ["x"])[0])))
    for caller in callers:
        headers = _header_list(caller)
        for query in _heavy_queries(operation):
            yield Request(operation.method, path, query, (*headers,))
        if operation.media_type:
            content = (b"content-type", operation.media_type)
            for body in _heavy_bodies(operation):
                yield Request(operation.method, path, b"", (*headers, content), body)


def _heavy_queries(operation: Operation) -> Iterator[bytes]:
    yield b"&".join(b"unknown%d=1" % number for number in range(4000))
    for name in operation.queries:
        yield f"{name}=".encode() + b"%F0%9F%90%88" * 4000
        yield f"{name}=".encode() + b"-" * 60000
        yield b"&".join([f"{name}=1".encode()] * 5000)


def _heavy_bodies(operation: Operation) -> Iterator[bytes]:
    """Each body is a little smaller than the limit: 1 MiB in the kit, or the service's own limit."""
    size = _MEBIBYTE - 4096
    if operation.media_type != JSON:
        yield b"&".join(b"unknown%d=" % number for number in range(size // 16))
        yield b"username=" + b"%F0%9F%90%88" * (size // 12)
        yield b"&" * size
        return
    yield b"[" * size
    yield b'{"a":' * (size // 5)
    yield b"[" * (size // 2) + b"]" * (size // 2)
    yield b"9" * size
    yield b"\xff" * size
    yield b'"' + b"\\u0000" * (size // 6) + b'"'
    yield b"{" + b",".join(b'"unknown%d":1' % number for number in range(size // 18)) + b"}"
    yield b"[" + b",".join([b"{}"] * (size // 3)) + b"]"
    # Objects that the garbage collector must scan.
    yield b"[" + b",".join(b'{"k%d":{}}' % number for number in range(size // 16)) + b"]"
    for name in operation.fields:
        field = json.dumps(name).encode()
        for value in (
            b'"' + b"a" * (size - 100) + b'"',
            b'"' + "\U0001f408".encode() * (size // 5) + b'"',
            b"[" + b",".join([b"1"] * (size // 3)) + b"]",
            b"[" + b",".join([b'{"x":1}'] * (size // 9)) + b"]",
            b"9" * (size - 100),
        ):
            yield b"{" + field + b":" + value + b"}"


def _body(operation: Operation, fields: dict[str, str]) -> bytes:
    if operation.media_type == JSON:
        written = ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items())
        return f"{{{written}}}".encode()
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in fields.items()).encode()


def _some(draw: st.DrawFn, names: tuple[str, ...]) -> list[str]:
    return [name for name in (*names, "unknown") if draw(st.booleans())]


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _header_list(headers: dict[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
