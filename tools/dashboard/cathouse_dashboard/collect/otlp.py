"""Spans from OTLP over HTTP (OpenTelemetry protocol 1.x, "OTLP/HTTP"): protobuf or JSON, plain or gzip."""

import base64
import binascii
import json
import math
import zlib
from collections.abc import Iterator
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from cathouse_dashboard.records import Span

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MAX_TEXT = 8_192
"""Longer names and values are cut."""
_MAX_ATTRIBUTES = 64
_MAX_EVENTS = 32
_MAX_TIME = 2**62
_IDS = ("traceId", "spanId", "parentSpanId")


class BadPayload(Exception):
    """A request is not OTLP; the message says what is wrong."""


class PayloadTooLarge(Exception):
    """A request's body is too large once it is unpacked."""


def unpack(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return a body without its `Content-Encoding`. Raises `BadPayload` and `PayloadTooLarge`."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise BadPayload(f"Content-Encoding {encoding!r} is not supported: send gzip, or none")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise BadPayload(f"the body is not gzip: {error}") from None
    if len(unpacked) > max_bytes:
        raise PayloadTooLarge
    if not unpacker.eof:
        raise BadPayload("the body is not gzip: it ends too early")
    return unpacked


def decode(body: bytes, media_type: str) -> list[Span]:
    """Return the spans of an export request. Raises `BadPayload`."""
    request = ExportTraceServiceRequest()
    try:
        if media_type == PROTOBUF:
            request.ParseFromString(body)
        elif media_type == JSON:
            ParseDict(_with_base64_ids(_object(body)), request, ignore_unknown_fields=True)
        else:
            raise BadPayload(
                f"Content-Type {media_type!r} is not supported: send {PROTOBUF} or {JSON}"
            )
    except (
        DecodeError,
        ParseError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise BadPayload(f"the body is not an OTLP export request: {str(error)[:200]}") from None
    return list(_spans(request))


def response(media_type: str, rejected: int = 0, message: str = "") -> bytes:
    """Return the body of the response, with the number of spans that were not accepted."""
    if media_type == JSON:
        partial = {"rejectedSpans": str(rejected), "errorMessage": message} if rejected else {}
        return json.dumps({"partialSuccess": partial} if partial else {}).encode()
    answer = ExportTraceServiceResponse()
    if rejected:
        answer.partial_success.rejected_spans = rejected
        answer.partial_success.error_message = message
    return bytes(answer.SerializeToString())


def _object(body: bytes) -> dict[str, Any]:
    value = json.loads(body)
    if not isinstance(value, dict):
        raise BadPayload("the body is not a JSON object")
    return value


def _with_base64_ids(value: Any) -> Any:
    # OTLP's JSON has these ids in hexadecimal, where the JSON of protobuf has base64.
    if isinstance(value, list):
        return [_with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    converted = {}
    for name, item in value.items():
        if name in _IDS and isinstance(item, str):
            try:
                converted[name] = base64.b64encode(binascii.unhexlify(item)).decode()
            except binascii.Error:
                raise BadPayload(f"{name} is not hexadecimal") from None
        else:
            converted[name] = _with_base64_ids(item)
    return converted


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        service = str(resource.get("service.name") or "unknown")
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                if len(span.trace_id) == 16 and len(span.span_id) == 8:
                    yield _span(span, service)


def _span(span: OtlpSpan, service: str) -> Span:
    start = min(span.start_time_unix_nano, _MAX_TIME)
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        service=service,
        name=_cut(span.name),
        kind=span.kind,
        start=start,
        duration=max(0, min(span.end_time_unix_nano, _MAX_TIME) - start),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        attributes=_attributes(span.attributes) | _status_message(span),
        events=[
            {
                "time": event.time_unix_nano,
                "name": _cut(event.name),
                "attributes": _attributes(event.attributes),
            }
            for event in span.events[:_MAX_EVENTS]
        ],
    )


def _status_message(span: OtlpSpan) -> dict[str, str]:
    return {"status.message": _cut(span.status.message)} if span.status.message else {}


def _attributes(pairs: Any) -> dict[str, Any]:
    return {_cut(pair.key): _value(pair.value) for pair in pairs[:_MAX_ATTRIBUTES]}


def _value(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "string_value":
            return _cut(value.string_value)
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            # JSON has no word for those that are not finite.
            return (
                value.double_value if math.isfinite(value.double_value) else str(value.double_value)
            )
        case "array_value":
            return [_value(item) for item in value.array_value.values[:_MAX_ATTRIBUTES]]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case "bytes_value":
            return _cut(value.bytes_value.hex())
        case _:
            return None


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
