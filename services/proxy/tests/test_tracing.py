import httpx
from cathouse_kit.tracing import Tracing
from fastapi import FastAPI
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from .support import FakePlatform, Remake, ScriptedCat

SAMPLED = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


async def test_a_call_to_a_cat_has_a_span_whose_position_the_cat_gets(
    app: FastAPI,
    client: httpx.AsyncClient,
    platform: FakePlatform,
    cat: ScriptedCat,
    remake: Remake,
) -> None:
    exporter = InMemorySpanExporter()
    app.state.context.tracing = Tracing("proxy", "1.2.3", exporter)
    cats = app.state.resources.cats
    remake(cats=cats)
    response = await client.get(platform.path("tasks?secret=hunter2"), headers=SAMPLED)
    assert response.status_code == 200
    app.state.context.tracing.shutdown()
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    attributes = dict(span.attributes or {})
    assert attributes["peer.service"] == f"cat {platform.cat_id}"
    assert attributes["url.full"] == f"{cat.url}/tasks"
    (request,) = cat.requests
    assert f"{span.context.span_id:016x}" in (request.header("traceparent") or "")
