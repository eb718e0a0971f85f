import re

import pytest
from cathouse_kit.context import RequestContext, TraceContext, accept_request_id

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@pytest.mark.parametrize(
    "value", ["a" * 8, "a" * 128, "Az09._-Az", "0d4f3c1e-9b7a-4f5d-8c6b-2a1908f7e6d5"]
)
def test_a_request_id_of_the_allowed_characters_and_length_is_kept(value: str) -> None:
    assert accept_request_id(value) == value


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "a" * 7,
        "a" * 129,
        "with a space",
        "line\nbreaks",
        "trailing\n",
        "ünïcödé-id",
        "a/b/c/d/e",
    ],
)
def test_another_request_id_is_replaced(value: str | None) -> None:
    replaced = accept_request_id(value)
    assert replaced != value
    assert re.fullmatch(r"[0-9a-f]{32}", replaced)
    assert accept_request_id(value) != replaced


@pytest.mark.parametrize(
    "header",
    [
        f"00-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01",  # a future version
        f"cc-{TRACE}-{SPAN}-01-what-will-be",
    ],
)
def test_a_valid_traceparent_is_understood(header: str) -> None:
    position = TraceContext.parse(header, "vendor=1")
    assert position == TraceContext(TRACE, SPAN, "01", "vendor=1")
    assert position.traceparent == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"ff-{TRACE}-{SPAN}-01",  # the only invalid version
        f"00-{TRACE}-{SPAN}-01-what-will-be",  # version 00 ends here
        f"cc-{TRACE}-{SPAN}-01.what-will-be",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0x",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_an_invalid_traceparent_is_ignored(header: str | None) -> None:
    assert TraceContext.parse(header, None) is None


@pytest.mark.parametrize(
    ("flags", "kept"), [("00", "00"), ("01", "01"), ("03", "03"), ("ff", "03")]
)
def test_undefined_flags_are_not_forwarded(flags: str, kept: str) -> None:
    position = TraceContext.parse(f"00-{TRACE}-{SPAN}-{flags}", None)
    assert position is not None
    assert position.flags == kept


@pytest.mark.parametrize("state", ["vendor=caf\xe9", "a=1\x00", "a=" + "1" * 511, ""])
def test_an_invalid_tracestate_is_dropped_and_the_trace_continues(state: str) -> None:
    assert TraceContext.parse(f"00-{TRACE}-{SPAN}-01", state) == TraceContext(TRACE, SPAN, "01")


def test_a_child_has_a_new_position_in_the_same_trace() -> None:
    parent = TraceContext(TRACE, SPAN, "01", "vendor=1")
    child = parent.child()
    assert (child.trace_id, child.flags, child.state) == (TRACE, "01", "vendor=1")
    assert child.span_id != SPAN
    assert TraceContext.parse(child.traceparent, child.state) == child


def test_a_new_trace_is_valid() -> None:
    assert TraceContext.parse(TraceContext.start().traceparent, None) is not None


def test_the_request_id_and_the_position_are_forwarded() -> None:
    with_state = RequestContext("request-1", TraceContext(TRACE, SPAN, "01", "vendor=1"))
    assert with_state.headers() == {
        "X-Request-ID": "request-1",
        "traceparent": f"00-{TRACE}-{SPAN}-01",
        "tracestate": "vendor=1",
    }
    assert "tracestate" not in RequestContext("request-1", TraceContext(TRACE, SPAN)).headers()
