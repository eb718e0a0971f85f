"""Compose starts two replicas of each service behind one gateway, and a database that only the services reach."""

import json
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil
import pytest
from cathouse_kit.registry import Service
from cathouse_kit.testing import wait_until

from .engine import NAMES, SERVICES, TAG, Stack, docker, inspect

PASSWORD = "correct horse battery staple"

# Prints the addresses host:port that accept a connection.
REACHABLE = """
import json, socket, sys
reached = []
for address in sys.argv[1:]:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), 2).close()
        reached.append(address)
    except OSError:
        pass
print(json.dumps(reached))
"""
# Some networks accept connections to any address. So a program counts only if it responds, and if its response
# differs from that of an address where nothing is (RFC 5737). The question to PostgreSQL is whether it supports TLS.
RESPONDING = """
import json, socket, sys
def answer(host, port):
    question = bytes.fromhex("0000000804d2162f") if port == 5432 else b"GET /health HTTP/1.0\\r\\n\\r\\n"
    try:
        with socket.create_connection((host, port), 2) as connection:
            connection.sendall(question)
            return connection.recv(100).splitlines()[:1]
    except OSError:
        return []
reached = []
for address in sys.argv[1:]:
    host, port = address.split(":")
    if answer(host, int(port)) not in ([], answer("198.51.100.1", int(port))):
        reached.append(address)
print(json.dumps(reached))
"""


def test_all_services_start(stack: Stack) -> None:
    for name in NAMES:
        states = [each["State"]["Health"]["Status"] for each in stack.replicas(name)]
        assert states == ["healthy", "healthy"]
    for name in ("gateway", "postgres", "valkey"):
        (container,) = stack.replicas(name)
        assert container["State"]["Health"]["Status"] == "healthy", name
    for one_shot in ("roles", "migrate"):
        (container,) = stack.replicas(one_shot)
        assert (container["State"]["Status"], container["State"]["ExitCode"]) == ("exited", 0)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_health_endpoint_responds_inside(stack: Stack, service: Service) -> None:
    for path in ("/health", "/api/v1/health"):
        for status, body in stack.probes(service.name, path):
            assert status == 200
            assert json.loads(body)["service"] == service.name
    for path in ("/health/ready", "/api/v1/health/ready"):
        for _, body in stack.probes(service.name, path):
            assert json.loads(body)["status"] == "ready"
    for _, body in stack.probes(service.name, "/metrics"):
        assert "build_info{" in body


def test_only_the_gateway_is_published_and_on_localhost_only(stack: Stack) -> None:
    for name, container in stack.containers():
        published = [each for each in container["NetworkSettings"]["Ports"].values() if each]
        assert bool(published) == (name == "gateway"), name
    (gateway,) = stack.replicas("gateway")
    http, https = (stack.environment[f"GATEWAY_{name}_PORT"] for name in ("HTTP", "HTTPS"))
    bound = gateway["NetworkSettings"]["Ports"]
    for inside, outside in (("80/tcp", http), ("443/tcp", https), ("443/udp", https)):
        assert bound[inside] == [{"HostIp": "127.0.0.1", "HostPort": outside}]


def test_the_gateway_speaks_https_and_hides_what_is_internal(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.get("/api/v1/catalog/cats")
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"]
        assert 'h3=":443"' in answer.headers["alt-svc"]
        assert client.get("/health").status_code == 200
        for path in ("/metrics", "/health/ready", "/api/v1/health/ready"):
            assert client.get(path).status_code == 404, path
    plain = f"http://localhost:{stack.environment['GATEWAY_HTTP_PORT']}/api/v1/catalog/cats"
    redirected = httpx.get(plain, trust_env=False, follow_redirects=False)
    assert redirected.status_code == 308
    assert redirected.headers["location"] == "https://localhost/api/v1/catalog/cats"


def test_limits_by_address_use_the_address_that_the_gateway_sees(stack: Stack) -> None:
    (gateway,) = stack.replicas("gateway")
    own = {each["IPAddress"] for each in gateway["NetworkSettings"]["Networks"].values()}
    stack.get("/api/v1/catalog/nothing", headers={"X-Request-ID": "whose-address"})

    def clients() -> list[str]:
        lines = [line for line in stack.logs("catalog").splitlines() if "whose-address" in line]
        return [json.loads(line[line.index("{") :])["client"] for line in lines]

    (client,) = wait_until("the request's line", clients)
    assert client
    assert client not in own


def test_rate_limits_are_counted_in_valkey_for_all_replicas(stack: Stack) -> None:
    form = {"username": "nobody@example.com", "password": PASSWORD}
    assert stack.request("POST", "/api/v1/auth/login", data=form).status_code == 401
    source = """
import socket
with socket.create_connection(("valkey", 6379), 5) as connection:
    connection.sendall(b"DBSIZE\\r\\n")
    print(connection.recv(20).decode().strip(":\\r\\n"))
"""
    assert int(stack.python("auth", source)) > 0


def test_no_service_but_the_proxy_reaches_the_host(stack: Stack) -> None:
    with socket.socket() as listening:
        listening.bind(("0.0.0.0", 0))
        listening.listen()
        port = listening.getsockname()[1]
        own = {
            each.address
            for addresses in psutil.net_if_addrs().values()
            for each in addresses
            if each.family == socket.AF_INET
        }
        assert len(own) > 1
        addresses = [f"{address}:{port}" for address in sorted(own)]
        source = REACHABLE.replace("sys.argv[1:]", repr(addresses))
        for name in NAMES:
            reached = json.loads(stack.python(name, source))
            assert bool(reached) == (name == "proxy"), (name, reached)


def test_the_database_container_runs(stack: Stack) -> None:
    (container,) = stack.replicas("postgres")
    state = container["State"]
    assert (state["Status"], state["Health"]["Status"]) == ("running", "healthy")
    assert stack.sql("SHOW server_version").startswith("18")


def test_each_service_has_a_role_that_sees_its_own_schema_alone(stack: Stack) -> None:
    for role in NAMES:
        seen = stack.sql(
            f"SELECT nspname FROM pg_namespace WHERE has_schema_privilege('{role}', oid, 'USAGE')"
            " AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"
        )
        assert seen == role
        for database in ("postgres", "template1"):
            allowed = f"SELECT has_database_privilege('{role}', '{database}', 'CONNECT')"
            assert stack.sql(allowed) == "f"


@pytest.mark.parametrize("name", NAMES)
def test_services_reach_each_other_by_name(stack: Stack, name: str) -> None:
    addresses = [f"{service.name}:{service.port}" for service in SERVICES]
    source = REACHABLE.replace("sys.argv[1:]", repr(addresses))
    assert json.loads(stack.python(name, source)) == addresses


def test_a_container_outside_reaches_neither_the_database_nor_internal_routes(
    stack: Stack, images: dict[str, str]
) -> None:
    addresses = ["postgres:5432", "127.0.0.1:5432"]
    for name, container in stack.containers():
        for network in container["NetworkSettings"]["Networks"].values():
            ports = [5432] if name == "postgres" else [s.port for s in SERVICES if s.name == name]
            addresses += [
                f"{network['IPAddress']}:{port}" for port in ports if network["IPAddress"]
            ]
    gateway = docker("network", "inspect", "bridge", "--format={{(index .IPAM.Config 0).Gateway}}")
    addresses += [f"{gateway}:{stack.environment['GATEWAY_HTTPS_PORT']}"]
    assert len(addresses) > 15
    inside = stack.python("installation", RESPONDING.replace("sys.argv[1:]", repr(addresses)))
    assert len(json.loads(inside)) > len(NAMES)
    reached = docker(
        "run", "--rm", "--entrypoint=python", images["migrate"], "-c", RESPONDING, *addresses
    )
    assert json.loads(reached) == []


def test_internal_routes_require_the_service_token(stack: Stack) -> None:
    path = "/api/v1/installations/internal/verify"
    answer = stack.request("POST", path, json={"credential": "cat_x"})
    assert answer.json()["detail"] == "Routes between services are closed to clients."
    source = f"""
import json, urllib.error, urllib.request
for token in ("", open("/run/secrets/service_token").read()):
    request = urllib.request.Request("http://installation:8003{path}",
        data=json.dumps({{"credential": "cat_" + "x" * 43}}).encode(),
        headers={{"Authorization": "Bearer " + token, "Content-Type": "application/json"}})
    try:
        print(urllib.request.urlopen(request).status)
    except urllib.error.HTTPError as error:
        print(error.code)
"""
    # With the token, a known service asks for an unknown credential.
    assert stack.python("proxy", source).split() == ["401", "404"]


def test_only_the_proxy_and_the_gateway_get_out_of_the_stack(stack: Stack) -> None:
    expected = {
        **{name: {"database", "internal"} for name in NAMES},
        "proxy": {"database", "internal", "outside"},
        "gateway": {"internal", "published"},
        "postgres": {"database"},
        "valkey": {"internal"},
    }
    for name, container in stack.containers():
        if container["State"]["Status"] == "running":
            networks = container["NetworkSettings"]["Networks"]
            assert {each.removeprefix(f"{stack.project}_") for each in networks} == expected[name]
    for name in ("database", "internal"):
        assert json.loads(docker("network", "inspect", f"{stack.project}_{name}"))[0]["Internal"]


def test_containers_are_hardened_and_limited(stack: Stack) -> None:
    for name, container in stack.containers():
        host = container["HostConfig"]
        gateway = name == "gateway"
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        added = [each.removeprefix("CAP_") for each in host["CapAdd"] or ()]
        assert added == (["NET_BIND_SERVICE"] if gateway else []), name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert container["Config"]["User"] == ("0:0" if gateway else "65532:65532"), name
        assert host["Memory"] > 0, name
        assert host["NanoCpus"] > 0, name
        assert host["PidsLimit"] > 0, name
        assert host["LogConfig"] == {
            "Type": "json-file", "Config": {"max-file": "5", "max-size": "10m"}
        }  # fmt: skip
        expected = "no" if name in ("roles", "migrate") else "unless-stopped"
        assert host["RestartPolicy"]["Name"] == expected, name


def test_secrets_are_files_of_the_images_user_and_in_no_environment(stack: Stack) -> None:
    files = [
        path
        for path in (stack.folder / "secrets").rglob("*")
        if path.is_file() and path.name != ".gitignore"
    ]
    assert len(files) == 3 + sum(len(service.database_roles) for service in SERVICES)
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o400
        assert path.stat().st_uid == 65532
    contents = [path.read_text() for path in files]
    for name, container in stack.containers():
        text = json.dumps(container["Config"])
        assert not any(secret in text for secret in contents), name
    logs = stack.logs()
    assert not any(secret in logs for secret in contents)


def test_a_service_holds_no_secret_of_another(stack: Stack) -> None:
    for name in NAMES:
        listing = stack.python(
            name, "import os; print([f for _, _, files in os.walk('/run/secrets') for f in files])"
        )
        assert sorted(json.loads(listing.replace("'", '"'))) == ["database_url", "service_token"]


def test_a_service_that_dies_is_started_again(stack: Stack) -> None:
    before, _ = stack.replicas("catalog")
    # Not with `docker kill`: after that, the engine does not restart the container.
    os.kill(before["State"]["Pid"], signal.SIGKILL)
    wait_until(
        "catalog to be started again",
        lambda: inspect(before["Id"])["RestartCount"] > before["RestartCount"],
    )
    wait_until("catalog to answer", lambda: stack.ready("catalog"))


def test_a_person_can_register_and_sign_in(stack: Stack) -> None:
    _sign_up(stack, "ada@example.com")
    assert _sign_in(stack, "ada@example.com")["email"] == "ada@example.com"


def _sign_up(stack: Stack, email: str) -> None:
    person = {"email": email, "password": PASSWORD, "display_name": "Ada"}
    answer = stack.request("POST", "/api/v1/auth/register", json=person)
    assert answer.status_code == 201, answer.text


def _sign_in(stack: Stack, email: str) -> dict[str, str]:
    form = {"username": email, "password": PASSWORD}
    answer = stack.request("POST", "/api/v1/auth/login", data=form)
    assert answer.status_code == 200, answer.text
    token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    me = stack.get("/api/v1/auth/me", headers=token)
    found: dict[str, str] = me.json()
    return found


def test_requests_in_flight_are_completed_on_docker_stop(stack: Stack) -> None:
    body = json.dumps(
        {"email": "slow@example.com", "password": PASSWORD, "display_name": "Slow"}
    ).encode()
    trusted = ssl.create_default_context(cadata=stack.authority())
    port = int(stack.environment["GATEWAY_HTTPS_PORT"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=40) as plain,
        trusted.wrap_socket(plain, server_hostname="localhost") as upload,
    ):
        upload.sendall(
            b"POST /api/v1/auth/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body[:10])
        )
        container = wait_until("the request to be in flight", lambda: _busy(stack))
        with ThreadPoolExecutor(1) as pool:
            began = time.monotonic()
            stopping = pool.submit(docker, "stop", "--time=30", container)
            wait_until(
                "readiness to be refused",
                lambda: stack.probe(container, 8005, "/health/ready")[0] == 503,
            )
            upload.sendall(body[10:])
            assert upload.recv(4096).startswith(b"HTTP/1.1 201 ")
            stopping.result()
    seconds = time.monotonic() - began
    print(f"docker stop with a request in flight: {seconds:.1f} s")
    assert seconds < 20
    state = inspect(container)["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)
    stack.compose("up", "--detach", "--wait", "--no-build", "auth")


def _busy(stack: Stack) -> str:
    """Return the id of the replica of auth that has a request in flight, or nothing."""
    for replica in stack.replicas("auth"):
        _, metrics = stack.probe(replica["Id"], 8005, "/metrics")
        lines = [line for line in metrics.splitlines() if line[:1] != "#" and "in_flight" in line]
        assert lines, "no metric of requests in flight"
        if float(lines[0].rpartition(" ")[2]) > 0:
            return str(replica["Id"])
    return ""


@pytest.mark.parametrize("name", NAMES)
def test_each_service_stops_soon_and_well(stack: Stack, name: str) -> None:
    replica, _ = stack.replicas(name)
    began = time.monotonic()
    docker("stop", "--time=30", replica["Id"])
    seconds = time.monotonic() - began
    state = inspect(replica["Id"])["State"]
    stack.compose("up", "--detach", "--wait", "--no-build", name)
    print(f"docker stop: {seconds:.1f} s")
    assert state["ExitCode"] == 0
    assert seconds < 20, "without running requests, the end must not take SHUTDOWN_GRACE_SECONDS"


def test_data_survives_down_and_up(stack: Stack) -> None:
    _sign_up(stack, "stays@example.com")
    stack.down()
    assert stack.containers() == []
    print(f"warm start: {stack.start():.1f} s")
    assert _sign_in(stack, "stays@example.com")["email"] == "stays@example.com"


def test_a_second_start_changes_nothing(stack: Stack) -> None:
    running = (*NAMES, "gateway", "postgres", "valkey")
    before = {each["Id"] for name, each in stack.containers() if name in running}
    stack.start()
    after = {each["Id"] for name, each in stack.containers() if name in running}
    assert before == after
    assert stack.compose("run", "--rm", "secrets").endswith(
        "all secrets exist in /secrets: nothing was changed"
    )


def test_an_update_to_another_tag_and_back_refuses_no_request(
    stack: Stack, images: dict[str, str]
) -> None:
    for image in images.values():
        docker("tag", image, f"{image.partition(':')[0]}:next")
    _sign_up(stack, "updated@example.com")
    for tag in ("next", TAG):
        stack.environment["CATHOUSE_TAG"] = tag
        with _steady_requests(stack) as outcomes:
            seconds = stack.start()
        refused = [each for each in outcomes if each != "200"]
        print(f"update to {tag}: {seconds:.0f} s, {len(outcomes)} requests, refused: {refused}")
        assert len(outcomes) > 50
        assert refused == []
        for name in NAMES:
            tags = [each["Config"]["Image"] for each in stack.replicas(name)]
            assert tags == [f"cathouse-{name}:{tag}"] * 2
        assert _sign_in(stack, "updated@example.com")["email"] == "updated@example.com"
    del stack.environment["CATHOUSE_TAG"]


@contextmanager
def _steady_requests(stack: Stack) -> Iterator[list[str]]:
    """Send requests to every service through the gateway, with and without kept connections. Yield the outcomes."""
    outcomes: list[str] = []
    ended = threading.Event()
    paths = (
        "/api/v1/auth/jwks",
        "/api/v1/catalog/categories",
        "/api/v1/proxy/jwks",
        "/docs/installation.json",
    )

    def send() -> None:
        with stack.client() as client:
            while not ended.wait(0.05):
                for path in paths:
                    for headers in ({}, {"Connection": "close"}):
                        try:
                            outcome = str(client.get(path, headers=headers).status_code)
                        except httpx.TransportError as error:
                            outcome = f"{path}: {error!r}"
                        outcomes.append(outcome)

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        try:
            yield outcomes
        finally:
            ended.set()
            sending.result()


def test_the_logs_of_a_request_are_found_by_its_id(stack: Stack) -> None:
    request_id = "looked-for-in-the-logs"
    answer = stack.get("/api/v1/catalog/nothing", headers={"X-Request-ID": request_id})
    assert answer.json()["request_id"] == request_id

    def lines() -> list[str]:
        logs = stack.logs("catalog").splitlines()
        return [line for line in logs if f'"request_id":"{request_id}"' in line]

    # The engine writes a container's lines after a moment. Compose may begin a line with a control sequence.
    (line,) = wait_until("the request's line", lines)
    assert json.loads(line[line.index("{") :])["status"] == 404
