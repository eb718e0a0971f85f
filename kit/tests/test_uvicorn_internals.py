"""Internals of uvicorn that `header_limits` uses. `kit/pyproject.toml` limits its version because of them."""

import asyncio

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

PROTOCOL = [
    "_unset_keepalive_if_required",
    "client",
    "connection_lost",
    "connection_made",
    "cycle",
    "data_received",
    "flow",
    "headers",
    "loop",
    "on_body",
    "on_headers_complete",
    "on_message_begin",
    "on_message_complete",
    "on_response_complete",
    "parser",
    "pause_writing",
    "pipeline",
    "resume_writing",
    "scope",
    "server_state",
    "timeout_keep_alive_handler",
    "transport",
]
CYCLE = [
    "chunked_encoding",
    "disconnected",
    "expected_content_length",
    "keep_alive",
    "message_event",
    "more_body",
    "response_complete",
    "response_started",
    "send",
    "waiting_for_100_continue",
]


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    pass


@pytest.mark.parametrize("name", PROTOCOL)
async def test_uvicorns_connection_has_the_attributes_that_the_limits_use(name: str) -> None:
    protocol = HttpToolsProtocol(uvicorn.Config(_nothing, log_config=None), ServerState(), {})
    assert hasattr(protocol, name), (
        f"uvicorn {uvicorn.__version__}: HttpToolsProtocol has no {name}, on which "
        "cathouse_kit/header_limits.py depends. Adapt it, or lower the bound in kit/pyproject.toml."
    )


@pytest.mark.parametrize("name", CYCLE)
async def test_uvicorns_request_has_the_attributes_that_the_limits_use(name: str) -> None:
    transport = asyncio.Transport()
    cycle = RequestResponseCycle(
        scope={},  # type: ignore[typeddict-item]
        transport=transport,
        flow=FlowControl(transport),
        logger=None,  # type: ignore[arg-type]
        access_logger=None,  # type: ignore[arg-type]
        access_log=False,
        default_headers=[],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=True,
        on_response=lambda: None,
    )
    assert hasattr(cycle, name), (
        f"uvicorn {uvicorn.__version__}: RequestResponseCycle has no {name}, on which "
        "cathouse_kit/header_limits.py depends. Adapt it, or lower the bound in kit/pyproject.toml."
    )
