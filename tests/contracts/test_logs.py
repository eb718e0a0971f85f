import json

import httpx
import pytest
from cathouse_kit.logs import configure_logging
from cathouse_kit.registry import Service
from cathouse_kit.settings import ServiceSettings


@pytest.fixture
def logging(settings: ServiceSettings, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    configure_logging(settings)


async def test_each_request_ends_in_one_line_that_can_be_followed(
    logging: None,
    client: httpx.AsyncClient,
    service: Service,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {
        "X-Request-ID": "follow-me-1",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
        "Authorization": "Bearer do-not-log-this-token",
        "Cookie": "session=do-not-log-this-cookie",
    }
    await client.get("/api/v1/health", headers=headers)
    await client.get("/health/ready", headers=headers)
    await client.get("/metrics", headers=headers)
    await client.get("/nowhere?token=do-not-log-this-query", headers=headers)
    output = capfdbinary.readouterr().out.decode()
    assert "do-not-log" not in output
    lines = [json.loads(line) for line in output.splitlines()]
    assert len(lines) == 1, "successful probes are not logged"
    line = lines[0]
    assert line["service"] == service.name
    assert line["request_id"] == "follow-me-1"
    assert line["trace_id"] == trace
    assert line["timestamp"].endswith("Z")
    assert line["level"] == "info"
    assert (line["method"], line["route"], line["status"]) == ("GET", "(unmatched)", 404)
    assert line["duration_ms"] > 0
    assert set(line) >= {"message", "logger", "client"}
