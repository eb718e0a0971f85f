"""Routes between services, probes and metrics are closed to clients, in every spelling of their paths."""

import json
import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .gateway import SERVICES, Gateway

_INTERNAL = re.compile(r"/api/v[0-9]+/([^/]+)/internal(?:/|$)", re.IGNORECASE)
# Of the services that have no paths of others below theirs.
PREFIXES = [service.prefix for service in SERVICES.values() if not service.outside]


def request(gateway: Gateway, target: str) -> tuple[int, dict[str, object]]:
    """Send a GET with exactly this request target, and return the status and the JSON body.

    An HTTP client would normalize the target first.
    """
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode("latin-1"))
        response = b"".join(iter(lambda: connection.recv(65536), b""))
    head_bytes, _, body = response.partition(b"\r\n\r\n")
    status = int(head_bytes.split(b" ")[1])
    return status, json.loads(body) if b"json" in head_bytes.lower() else {}


def spellings(prefix: str) -> list[str]:
    """The path of an internal route, written in ways that some server reads as the same path."""
    return [
        f"{prefix}/internal/revocations",
        f"{prefix}/internal",
        f"{prefix}/internal/",
        f"{prefix}//internal/x",
        f"{prefix}/./internal/x",
        f"{prefix}/x/../internal/x",
        f"{prefix}/x/..%2finternal/x",
        f"{prefix}/x/%2e%2e/internal/x",
        f"{prefix}/x/.%2E%2Finternal/x",
        f"{prefix}/%69nternal/x",
        f"{prefix}/%69%6e%74%65%72%6e%61%6c/x",
        f"{prefix}/INTERNAL/x",
        f"{prefix}/Internal/x",
        f"{prefix}%2finternal/x",
        f"{prefix}%2Finternal%2Fx",
        f"{prefix}/internal%2fx",
        f"{prefix}/internal;a=b/x",
        f"{prefix}/internal%3Ba/x",
        f"{prefix}/internal?x=1",
        f"{prefix}/internal%3Fx",
        f"{prefix}/internal%00/x",
        f"{prefix}/internal%20/x",
        f"{prefix}/%2569nternal/x",
        f"{prefix}/%252e%252e/internal/x",
        f"{prefix}/x%5c..%5cinternal/x",
        f"{prefix}/\\internal/x",
        f"{prefix}/%ef%bd%89nternal/x",
        f"/{prefix}/internal/x",
        f"/.{prefix}/internal/x",
        f"/api/v1/proxy/..{prefix.removeprefix('/api/v1')}/internal/x",
        f"/api/v1/proxy/0/../../{prefix.rpartition('/')[2]}/internal/x",
        f"http://localhost{prefix}/internal/x",
        prefix.replace("/api/", "/API/") + "/internal/x",
        prefix.replace("/v1/", "/v1//") + "/internal/x",
    ]


@pytest.mark.parametrize("target", [target for prefix in PREFIXES for target in spellings(prefix)])
def test_an_internal_route_is_refused(gateway: Gateway, target: str) -> None:
    status, body = request(gateway, target)
    assert status in (400, 404)
    assert "service" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/health/ready",
        "/api/v1/health",
        "/api/v1/health/ready",
        "/api/v1/health/started",
    ],
)
@pytest.mark.parametrize("spelling", ["{}", "/{}", "/.{}", "/x/..{}", "{}/", "{}%20"])
def test_probes_and_metrics_are_refused(gateway: Gateway, path: str, spelling: str) -> None:
    assert request(gateway, spelling.format(path))[0] == 404


# fmt: off
PARTS = [
    "/", "//", ".", "..", "%2e", "%2f", "%5c", "internal", "%69nternal", "INTERNAL", ";", "%3b",
    "x", "%00", "%20", "%25", "\\", "*", "proxy", "auth", "catalog", "installations",
]
# fmt: on


@given(
    prefix=st.sampled_from([service.prefix for service in SERVICES.values()]),
    parts=st.lists(st.sampled_from(PARTS), max_size=8),
)
def test_no_spelling_reaches_an_internal_route(
    gateway: Gateway, prefix: str, parts: list[str]
) -> None:
    """A service decodes a path once and compares it as it is. No such path may be that of an internal route."""
    status, body = request(gateway, f"{prefix}/{''.join(parts)}")
    if "service" in body:
        assert not _INTERNAL.match(str(body["path"]))
    else:
        assert status in (400, 404, 502)


def test_a_path_of_a_cat_may_be_called_internal(gateway: Gateway) -> None:
    path = "/api/v1/proxy/2f6b1c1e-52a5-4c8c-9d7d-0f5f3d1d8a55/internal/metrics"
    assert gateway.get(path).json()["path"] == path
