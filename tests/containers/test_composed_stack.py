"""`docker compose up` starts four services that respond on localhost, and a database that only they reach."""

import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from cathouse_kit.registry import Service
from cathouse_kit.testing import wait_until

from .engine import NAMES, SERVICES, TAG, Stack, docker

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


def test_all_services_start(stack: Stack) -> None:
    states = {name: each["State"] for name, each in stack.containers().items()}
    for name in NAMES:
        assert states[name]["Health"]["Status"] == "healthy"
    for one_shot in ("roles", "migrate"):
        assert (states[one_shot]["Status"], states[one_shot]["ExitCode"]) == ("exited", 0)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_health_endpoint_responds(stack: Stack, service: Service) -> None:
    for path in ("/health", "/api/v1/health"):
        answer = stack.get(service.name, path)
        assert answer.status_code == 200
        assert answer.json()["service"] == service.name
    for path in ("/health/ready", "/api/v1/health/ready"):
        assert stack.get(service.name, path).json()["status"] == "ready"
    assert "build_info{" in stack.get(service.name, "/metrics").text


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_services_listen_on_their_ports_on_localhost_only(stack: Stack, service: Service) -> None:
    bound = stack.containers()[service.name]["NetworkSettings"]["Ports"]
    port = stack.environment[f"{service.name.upper()}_PORT"]
    assert bound == {f"{service.port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]}


def test_nothing_but_the_four_services_is_published(stack: Stack) -> None:
    for name, container in stack.containers().items():
        published = [each for each in container["NetworkSettings"]["Ports"].values() if each]
        assert bool(published) == (name in NAMES), name


def test_the_database_container_runs(stack: Stack) -> None:
    state = stack.containers()["postgres"]["State"]
    assert (state["Status"], state["Health"]["Status"]) == ("running", "healthy")
    assert stack.sql("SHOW server_version").startswith("18")


def test_each_service_has_a_role_that_sees_its_own_schema_alone(stack: Stack) -> None:
    for role in NAMES:
        seen = stack.sql(
            f"SELECT nspname FROM pg_namespace WHERE has_schema_privilege('{role}', oid, 'USAGE')"
            " AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"
        )
        assert seen == role


@pytest.mark.parametrize("name", NAMES)
def test_services_reach_each_other_by_name(stack: Stack, name: str) -> None:
    addresses = [f"{service.name}:{service.port}" for service in SERVICES]
    source = REACHABLE.replace("sys.argv[1:]", repr(addresses))
    assert json.loads(stack.python(name, source)) == addresses


def test_a_container_outside_reaches_neither_the_database_nor_internal_routes(
    stack: Stack, images: dict[str, str]
) -> None:
    addresses = ["postgres:5432", "127.0.0.1:5432"]
    for name, container in stack.containers().items():
        for network in container["NetworkSettings"]["Networks"].values():
            ports = [5432] if name == "postgres" else [s.port for s in SERVICES if s.name == name]
            addresses += [
                f"{network['IPAddress']}:{port}" for port in ports if network["IPAddress"]
            ]
    gateway = docker("network", "inspect", "bridge", "--format={{(index .IPAM.Config 0).Gateway}}")
    addresses += [f"{gateway}:{stack.environment[f'{name.upper()}_PORT']}" for name in NAMES]
    assert len(addresses) > 15
    reached = docker(
        "run", "--rm", "--entrypoint=python", images["migrate"], "-c", REACHABLE, *addresses
    )
    assert json.loads(reached) == []


def test_internal_routes_require_the_service_token(stack: Stack) -> None:
    url = stack.url("installation") + "/api/v1/installations/internal/verify"
    assert httpx.post(url, json={"credential": "cat_x"}, trust_env=False).status_code == 401
    source = f"""
import json, urllib.error, urllib.request
token = open("/run/secrets/service_token").read()
request = urllib.request.Request("http://installation:8003{url.partition("/api")[1]}{url.partition("/api")[2]}",
    data=json.dumps({{"credential": "cat_" + "x" * 43}}).encode(),
    headers={{"Authorization": "Bearer " + token, "Content-Type": "application/json"}})
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
    assert stack.python("proxy", source) == "404"  # a known service asks for an unknown credential


def test_only_the_proxy_gets_out_of_the_stack(stack: Stack) -> None:
    # The configuration of the networks ensures this. The other services are in two internal networks, and in one for
    # published ports, which does not masquerade addresses.
    for name, container in stack.containers().items():
        if container["State"]["Status"] == "running":
            networks = container["NetworkSettings"]["Networks"]
            assert (f"{stack.project}_outside" in networks) == (name == "proxy")
            assert f"{stack.project}_database" in networks
    options = json.loads(docker("network", "inspect", f"{stack.project}_published"))[0]["Options"]
    assert options == {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    for name in ("database", "internal"):
        assert json.loads(docker("network", "inspect", f"{stack.project}_{name}"))[0]["Internal"]


def test_containers_are_hardened_and_limited(stack: Stack) -> None:
    for name, container in stack.containers().items():
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert container["Config"]["User"] == "65532:65532", name
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
    for name, container in stack.containers().items():
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
    before = stack.containers()["catalog"]
    # Not with `docker kill`: after that, the engine does not restart the container.
    os.kill(before["State"]["Pid"], signal.SIGKILL)
    wait_until(
        "catalog to be started again",
        lambda: stack.containers()["catalog"]["RestartCount"] > before["RestartCount"],
    )
    wait_until("catalog to answer", lambda: stack.ready("catalog"))


def test_a_person_can_register_and_sign_in(stack: Stack) -> None:
    _sign_up(stack, "ada@example.com")
    assert _sign_in(stack, "ada@example.com")["email"] == "ada@example.com"


def _sign_up(stack: Stack, email: str) -> None:
    answer = httpx.post(
        stack.url("auth") + "/api/v1/auth/register",
        json={"email": email, "password": PASSWORD, "display_name": "Ada"},
        trust_env=False, timeout=20,
    )  # fmt: skip
    assert answer.status_code == 201, answer.text


def _sign_in(stack: Stack, email: str) -> dict[str, str]:
    answer = httpx.post(
        stack.url("auth") + "/api/v1/auth/login",
        data={"username": email, "password": PASSWORD},
        trust_env=False, timeout=20,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    me = httpx.get(
        stack.url("auth") + "/api/v1/auth/me",
        headers={"Authorization": f"Bearer {answer.json()['access_token']}"},
        trust_env=False,
    )
    found: dict[str, str] = me.json()
    return found


def test_requests_in_flight_are_completed_on_docker_stop(stack: Stack) -> None:
    body = json.dumps(
        {"email": "slow@example.com", "password": PASSWORD, "display_name": "Slow"}
    ).encode()
    port = int(stack.environment["AUTH_PORT"])
    with socket.create_connection(("127.0.0.1", port), timeout=40) as upload:
        upload.sendall(
            b"POST /api/v1/auth/register HTTP/1.1\r\nHost: auth\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body[:10])
        )
        wait_until("the request to be in flight", lambda: _in_flight(stack) > 0)
        container = f"{stack.project}-auth-1"
        with ThreadPoolExecutor(1) as pool:
            began = time.monotonic()
            stopping = pool.submit(docker, "stop", "--time=30", container)
            wait_until(
                "readiness to be refused",
                lambda: stack.get("auth", "/health/ready").status_code == 503,
            )
            upload.sendall(body[10:])
            assert upload.recv(4096).startswith(b"HTTP/1.1 201 ")
            stopping.result()
    seconds = time.monotonic() - began
    print(f"docker stop with a request in flight: {seconds:.1f} s")
    assert seconds < 20
    state = stack.containers()["auth"]["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)
    stack.compose("up", "--detach", "--wait", "--no-build", "auth")


def _in_flight(stack: Stack) -> float:
    for line in stack.get("auth", "/metrics").text.splitlines():
        if "in_flight" in line and not line.startswith("#"):
            return float(line.rpartition(" ")[2])
    raise AssertionError("no metric of requests in flight")


@pytest.mark.parametrize("name", NAMES)
def test_each_service_stops_soon_and_well(stack: Stack, name: str) -> None:
    began = time.monotonic()
    docker("stop", "--time=30", f"{stack.project}-{name}-1")
    seconds = time.monotonic() - began
    state = stack.containers()[name]["State"]
    stack.compose("up", "--detach", "--wait", "--no-build", name)
    print(f"docker stop: {seconds:.1f} s")
    assert state["ExitCode"] == 0
    assert seconds < 20, "without running requests, the end must not take SHUTDOWN_GRACE_SECONDS"


def test_data_survives_down_and_up(stack: Stack) -> None:
    _sign_up(stack, "stays@example.com")
    stack.down()
    assert stack.containers() == {}
    print(f"warm start: {stack.start():.1f} s")
    assert _sign_in(stack, "stays@example.com")["email"] == "stays@example.com"


def test_a_second_start_changes_nothing(stack: Stack) -> None:
    before = {name: each["Id"] for name, each in stack.containers().items() if name in NAMES}
    stack.start()
    after = {name: each["Id"] for name, each in stack.containers().items() if name in NAMES}
    assert before == after
    assert stack.compose("run", "--rm", "secrets").endswith(
        "all secrets exist in /secrets: nothing was changed"
    )


def test_an_update_to_another_tag_and_back(stack: Stack, images: dict[str, str]) -> None:
    for image in images.values():
        docker("tag", image, f"{image.partition(':')[0]}:next")
    _sign_up(stack, "updated@example.com")
    for tag in ("next", TAG):
        stack.environment["CATHOUSE_TAG"] = tag
        stack.start()
        running = {name: each["Config"]["Image"] for name, each in stack.containers().items()}
        assert {running[name] for name in NAMES} == {f"cathouse-{name}:{tag}" for name in NAMES}
        assert _sign_in(stack, "updated@example.com")["email"] == "updated@example.com"
    del stack.environment["CATHOUSE_TAG"]


def test_the_logs_of_a_request_are_found_by_its_id(stack: Stack) -> None:
    request_id = "looked-for-in-the-logs"
    answer = httpx.get(
        stack.url("catalog") + "/api/v1/catalog/nothing",
        headers={"X-Request-ID": request_id},
        trust_env=False,
    )
    assert answer.json()["request_id"] == request_id

    def lines() -> list[str]:
        logs = stack.logs("catalog").splitlines()
        return [line for line in logs if f'"request_id":"{request_id}"' in line]

    # The engine writes a container's lines after a moment. Compose may begin a line with a control sequence.
    (line,) = wait_until("the request's line", lines)
    assert json.loads(line[line.index("{") :])["status"] == 404
