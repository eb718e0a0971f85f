import gzip
import json
import math

import pytest
from cathouse_dashboard.collect import otlp
from cathouse_dashboard.collect.otlp import (
    JSON,
    PROTOBUF,
    BadPayload,
    PayloadTooLarge,
    decode,
    unpack,
)
from google.protobuf.json_format import MessageToDict

from .support import MS, NOW, TRACE, export_request


def as_otlp_json(*names: str) -> bytes:
    """Return a request in OTLP's JSON, whose ids are in hexadecimal."""
    body = MessageToDict(export_request(*names))
    for resource_spans in body["resourceSpans"]:
        for number, made in enumerate(resource_spans["scopeSpans"][0]["spans"], 1):
            made["traceId"], made["spanId"] = TRACE, f"{number:016x}"
            if "parentSpanId" in made:
                made["parentSpanId"] = f"{number - 1:016x}"
    return json.dumps(body | {"unknownField": 1}).encode()


def test_protobuf_and_json_of_the_same_spans_decode_the_same() -> None:
    spans = decode(export_request("outer", "inner", colour="red").SerializeToString(), PROTOBUF)
    assert [(span.name, span.span_id, span.parent_id) for span in spans] == [
        ("outer", f"{1:016x}", ""),
        ("inner", f"{2:016x}", f"{1:016x}"),
    ]
    assert spans[0].trace_id == TRACE
    assert (spans[0].service, spans[0].start, spans[0].duration) == ("auth", NOW + MS, 19 * MS)
    assert spans[0].attributes == {"colour": "red"}
    from_json = decode(as_otlp_json("outer", "inner"), JSON)
    plain = decode(export_request("outer", "inner").SerializeToString(), PROTOBUF)
    assert from_json == plain


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"\xff\xff\xff", PROTOBUF),
        (b"{", JSON),
        (b"[]", JSON),
        (b'{"resourceSpans": 7}', JSON),
        (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}', JSON),
        (b"[" * 5000, JSON),
        (b"", "text/html"),
    ],
)
def test_what_is_not_otlp_is_refused(body: bytes, media_type: str) -> None:
    with pytest.raises(BadPayload):
        decode(body, media_type)


def test_spans_without_valid_ids_are_left_out() -> None:
    request = export_request("outer", "inner")
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = b"short"
    assert [span.name for span in decode(request.SerializeToString(), PROTOBUF)] == ["inner"]


def test_values_of_each_kind_are_kept_and_long_ones_cut() -> None:
    request = export_request("outer")
    attributes = request.resource_spans[0].scope_spans[0].spans[0].attributes
    attributes.add(key="long").value.string_value = "x" * (otlp.MAX_TEXT + 100)
    attributes.add(key="flag").value.bool_value = True
    attributes.add(key="count").value.int_value = 7
    attributes.add(key="nan").value.double_value = math.nan
    attributes.add(key="list").value.array_value.values.add().int_value = 1
    (span,) = decode(request.SerializeToString(), PROTOBUF)
    assert len(span.attributes.pop("long")) == otlp.MAX_TEXT + 1
    assert span.attributes == {"flag": True, "count": 7, "nan": "nan", "list": [1]}


def test_gzip_is_unpacked_up_to_a_limit() -> None:
    assert unpack(gzip.compress(b"spans"), "gzip", 100) == b"spans"
    assert unpack(b"spans", "", 100) == b"spans"
    bomb = gzip.compress(b"0" * 10_000_000)
    with pytest.raises(PayloadTooLarge):
        unpack(bomb, "gzip", 1_000_000)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"plain", "gzip"), (gzip.compress(b"spans")[:-9], "gzip"), (b"", "br")],
    # Compressed data has the time in it, and the workers of one run need the same names.
    ids=["not compressed", "cut off", "another encoding"],
)
def test_what_cannot_be_unpacked_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(BadPayload):
        unpack(body, encoding, 100)
