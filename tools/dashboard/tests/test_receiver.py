import gzip

import httpx
import pytest
from cathouse_dashboard import receiver
from cathouse_dashboard.collect.otlp import PROTOBUF
from cathouse_dashboard.dashboard import Dashboard
from cathouse_dashboard.store.queries import Queries
from cathouse_kit.testing import eventually
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.applications import Starlette

from .support import TRACE, export_request


def dashboard_of(app: Starlette) -> Dashboard:
    dashboard: Dashboard = app.state.dashboard
    return dashboard


async def export(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await client.post(
        "/v1/traces", content=body, headers={"Content-Type": PROTOBUF} | headers
    )


async def test_exported_spans_are_on_the_page_of_their_trace(
    client: httpx.AsyncClient, queries: Queries
) -> None:
    body = gzip.compress(export_request("GET /outer", "GET /inner").SerializeToString())
    response = await export(client, body, **{"Content-Encoding": "gzip"})
    assert (response.status_code, response.content) == (200, b"")

    async def stored() -> bool:
        page = await client.get(f"/traces/{TRACE}")
        return "GET /inner" in page.text

    await eventually("the page", stored)
    assert len(queries.spans(TRACE)) == 2


async def test_a_broken_request_is_refused_and_counted_and_the_next_one_is_taken(
    client: httpx.AsyncClient, app: Starlette
) -> None:
    assert (await export(client, b"\xff\xff")).status_code == 400
    assert dashboard_of(app).writer.lost == {receiver.BROKEN: 1}
    assert "was not OTLP" in (await client.get("/traces")).text
    body = export_request("GET /after").SerializeToString()
    assert (await export(client, body)).status_code == 200


@pytest.mark.parametrize("limit", ["MAX_BODY_BYTES", "MAX_UNPACKED_BYTES"])
async def test_a_request_that_is_too_large_is_refused_and_counted(
    client: httpx.AsyncClient, app: Starlette, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(receiver, limit, 1000)
    body = export_request("x" * 5000).SerializeToString()
    headers = {}
    if limit == "MAX_UNPACKED_BYTES":
        body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
    assert (await export(client, body, **headers)).status_code == 413
    assert dashboard_of(app).writer.lost == {receiver.TOO_LARGE: 1}


async def test_spans_for_which_there_is_no_room_are_rejected_by_otlps_own_word(
    client: httpx.AsyncClient, app: Starlette
) -> None:
    dashboard_of(app).writer._max_queue_bytes = 10
    response = await export(client, export_request("one", "two").SerializeToString())
    assert response.status_code == 200
    answer = ExportTraceServiceResponse.FromString(response.content)
    assert answer.partial_success.rejected_spans == 2
    assert "2 records of this run were lost" in (await client.get("/traces")).text


async def test_a_browsers_page_cannot_send_spans(client: httpx.AsyncClient) -> None:
    body = export_request("forged").SerializeToString()
    response = await export(client, body, Origin="http://evil.example")
    assert response.status_code == 403
    response = await export(client, body, **{"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403
