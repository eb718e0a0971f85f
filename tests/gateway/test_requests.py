"""Requests that the gateway passes on, and its own responses."""

import json
import re
import socket

import pytest
from cathouse_kit.testing import wait_until

from .gateway import SERVICES, Gateway

INSTALLATION = "/api/v1/proxy/2f6b1c1e-52a5-4c8c-9d7d-0f5f3d1d8a55"


@pytest.mark.parametrize("name", SERVICES)
def test_a_path_leads_to_the_service_of_its_prefix(gateway: Gateway, name: str) -> None:
    for path in (SERVICES[name].prefix, f"{SERVICES[name].prefix}/x"):
        reached = gateway.get(path).json()
        assert (reached["service"], reached["path"]) == (name, path)


@pytest.mark.parametrize(
    "path", ["/api/v1/authx", "/api/v1", "/api/v2/auth/me", "/nothing", "/docs/x.json"]
)
def test_any_other_path_is_a_problem(gateway: Gateway, path: str) -> None:
    response = gateway.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "urn:cathouse:problem:not_found",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "instance": path,
        "request_id": response.headers["x-request-id"],
    }


@pytest.mark.parametrize(
    "path", ['/a"b', "/a%22,%22b%22:%22", "/a\\b", "/%0a%00", "/ü", "/{http.error}"]
)
def test_a_problem_is_json_whatever_the_path_is(gateway: Gateway, path: str) -> None:
    assert set(gateway.get(path).json()) == {
        *("type", "title", "status", "detail", "instance", "request_id")
    }


def test_a_service_that_is_away_is_a_problem(gateway_without_catalog: Gateway) -> None:
    response = gateway_without_catalog.get("/api/v1/catalog/cats")
    assert response.status_code == 502
    assert response.json()["type"] == "urn:cathouse:problem:bad_gateway"
    assert response.headers["retry-after"] == "1"
    assert response.headers["cache-control"] == "no-store"


def test_a_body_beyond_the_limit_is_a_problem(gateway: Gateway) -> None:
    response = gateway.client.post(INSTALLATION, content=b"a" * (1024**2 + 1))
    assert response.status_code == 413
    assert response.json()["type"] == "urn:cathouse:problem:body_too_large"


def test_a_head_beyond_the_limit_is_refused(gateway: Gateway) -> None:
    assert gateway.get("/health", headers={"X-Large": "a" * 64_000}).status_code == 431


@pytest.mark.parametrize("given", ["0d4f3c1e9b7a4f5d", "a.b-c_d9", "a" * 128])
def test_the_request_id_of_a_client_is_kept(gateway: Gateway, given: str) -> None:
    response = gateway.get("/api/v1/auth/me", headers={"X-Request-ID": given})
    assert response.json()["headers"]["x-request-id"] == given
    assert response.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 129, 'a"b"c"d"e', "{http.request.host}", "a b c d e f"]
)
def test_any_other_request_id_is_replaced(gateway: Gateway, given: str) -> None:
    response = gateway.get("/api/v1/auth/me", headers={"X-Request-ID": given})
    new = response.json()["headers"]["x-request-id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", new)
    assert response.headers.get_list("x-request-id") == [new]


def test_the_trace_of_a_client_goes_on(gateway: Gateway) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "tracestate": "a=b"}
    reached = gateway.get("/api/v1/auth/me", headers=headers).json()["headers"]
    assert reached["traceparent"].split("-")[1] == trace
    assert reached["tracestate"] == "a=b"


def test_a_client_cannot_name_its_own_address(gateway: Gateway) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
    }
    reached = gateway.get("/api/v1/auth/me", headers=forged).json()["headers"]
    assert reached["x-forwarded-for"] == "127.0.0.1"
    assert reached["x-forwarded-proto"] == "http"
    assert "evil" not in reached["x-forwarded-host"]


def test_responses_have_security_headers_and_do_not_name_the_program(
    gateway_without_catalog: Gateway,
) -> None:
    for path in ("/api/v1/auth/me", "/api/v1/catalog/cats", "/nothing", "/docs", "/"):
        headers = gateway_without_catalog.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers or "Caddy" not in headers["server"]
        assert "via" not in headers


def test_the_root_says_what_lives_here(gateway: Gateway) -> None:
    listed = gateway.get("/").json()["services"]
    assert {name: entry["prefix"] for name, entry in listed.items()} == {
        name: service.prefix for name, service in SERVICES.items()
    }
    page = gateway.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert all(service.prefix in page.text for service in SERVICES.values())


def test_the_page_of_descriptions_leads_to_each_service(gateway: Gateway) -> None:
    page = gateway.get("/docs").text
    for name in SERVICES:
        assert f'href="#{name}"' in page
    for name in SERVICES:
        reached = gateway.get(f"/docs/{name}.json").json()
        assert (reached["service"], reached["path"]) == (name, "/api/v1/openapi.json")


@pytest.mark.parametrize(
    "path", ["/site.css/../../Caddyfile", "/..%2fCaddyfile", "/Caddyfile", "/%2e%2e/Caddyfile"]
)
def test_no_other_file_is_served(gateway: Gateway, path: str) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 404")


def test_the_access_log_has_the_request_id_and_no_secret(gateway: Gateway) -> None:
    headers = {"X-Request-ID": "of-the-access-log", "Authorization": "Bearer secret-of-a-user"}
    gateway.get("/api/v1/auth/me", headers=headers)

    def logged() -> list[dict[str, object]]:
        lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
        return [line for line in lines if line.get("request_id") == "of-the-access-log"]

    (line,) = wait_until("the line of the access log", logged)
    assert line["status"] == 200
    assert "secret-of-a-user" not in gateway.log.read_text()
