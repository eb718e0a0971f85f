"""Updates, deaths and roll-backs of deploy/swarm under load fail no request. It runs on this machine's engine.

The commands of the pages are typed as they stand there.
The kernel may lack IPVS. So names lead to all replicas (swarm.yaml), and the routing mesh is not tested.
"""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cathouse_kit.testing import free_ports, wait_until

from .engine import NAMES, ROOT, TAG, CommandFailed, Stack, copy_sources, docker, inspect, run
from .pages import commands, script

STACK = "cathouse"
HERE = Path(__file__).parent
PASSWORD = "correct horse battery staple"
# The services that the client calls. There may be more.
LOADED = ("auth", "catalog", "installation", "proxy")


OLD, NEW = "0.1.0", "0.2.0"  # the tags of the pages
# The images are on this machine, which is the only node, and no authority knows its name.
HERE_INSTEAD = {
    "docker swarm init": "docker swarm init --advertise-addr=127.0.0.1",
    "NODE": "$(docker node ls --quiet)",
    "registry.example.com/cathouse/": "",
    "GATEWAY_ADDRESS=cats.example.com GATEWAY_TLS=you@example.com": "GATEWAY_TLS=internal",
    "you@example.com": "admin@example.com",  # the client's
}
PEOPLE = "SELECT count(*), md5(string_agg(id::text, '|' ORDER BY id)) FROM auth.people"


@dataclass
class Swarm:
    folder: Path
    environment: dict[str, str]
    secrets: Stack
    """Variables that make `docker compose run secrets` use the folder's secrets."""

    def type(self, page: str, title: str, having: str = "", **here: str) -> str:
        """Type the commands of a section that contain `having`. Return their output."""
        typed = script(commands(page, title, having), here)
        result = run(
            "bash", "-exuo", "pipefail", "-c", typed,
            cwd=self.folder, environment=self.secrets.variables | self.environment, seconds=1200,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout
        return result.stdout

    def deploy(self, tag: str) -> subprocess.CompletedProcess[str]:
        return run(str(self.folder / "deploy/swarm/deploy.sh"), tag, environment=self.environment)

    def secrets_version(self, version: str) -> None:
        """Copy the folder's secrets to the swarm as this version. Later deployments use it."""
        self.environment["SECRETS_VERSION"] = version
        result = run(
            str(self.folder / "deploy/swarm/secrets.sh"),
            cwd=self.folder,
            environment=self.environment,
        )
        assert result.returncode == 0, result.stdout

    def lines(self) -> list[dict[str, object]]:
        """Return the output of the client."""
        text = docker("service", "logs", "--raw", f"{STACK}_client")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def counts(self) -> dict[str, int]:
        """Return the client's newest counts."""
        found = [line for line in self.lines() if "made" in line]
        return (
            {key: int(str(found[-1][key])) for key in ("made", "retried", "failed")}
            if found
            else {}
        )

    def during(self, what: str, before: dict[str, int]) -> dict[str, int]:
        """Wait a few seconds. Return the client's counts since `before`."""
        began = min(float(str(x["at"])) for x in self.lines() if x.get("made") == before["made"])
        end = time.time() + 3
        wait_until(
            "newer counts",
            lambda: any("made" in x and float(str(x["at"])) > end for x in self.lines()),
        )
        after = self.counts()
        found = {key: after[key] - before[key] for key in after}
        print(
            f"{what}: {found['made']} requests, {found['retried']} retried, {found['failed']} failed"
        )
        for line in self.lines():
            if "made" not in line and "waiting" not in line and float(str(line["at"])) > began:
                print(line)
        if found["failed"]:
            print(*self.warnings(), sep="\n")
        return found

    def warnings(self) -> Iterator[str]:
        """Yield the last warnings and errors of every replica, also of those that have ended."""
        # Not `docker service logs`: it can wait without end for a replica that has ended.
        listed = docker(
            "ps", "--all", f"--filter=name={STACK}_", "--format={{.ID}} {{.Names}} {{.Status}}"
        )
        for replica in listed.splitlines():
            logs = run("docker", "logs", "--tail=5000", replica.partition(" ")[0]).stdout
            found = [x for x in logs.splitlines() if re.search('"level":"(warning|error)"', x)]
            yield "\n".join([replica, *found[-10:]])

    def tags(self) -> dict[str, str]:
        """Return the tags that replicas run, by service."""
        found = {}
        for name in NAMES:
            running = docker(
                "service",
                "ps",
                "--filter=desired-state=running",
                "--format={{.Image}}",
                f"{STACK}_{name}",
            )
            found[name] = ",".join(sorted({image.rpartition(":")[2] for image in running.split()}))
        return found


@pytest.fixture(scope="module")
def swarm(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    folder = tmp_path_factory.mktemp("swarm") / "here"
    copy_sources(folder)
    for name in ("swarm.yaml", "steady_client.py"):
        shutil.copy(HERE / name, folder / "deploy/swarm")
    for image in images.values():
        for tag in (OLD, NEW):
            docker("tag", image, f"{image.partition(':')[0]}:{tag}")
    for name in NAMES:
        ending = "raise SystemExit('this tag is broken')"
        broken = f'FROM cathouse-{name}:{NEW}\nENTRYPOINT ["python", "-c", "{ending}"]\n'
        subprocess.run(
            ["docker", "build", "--quiet", f"--tag=cathouse-{name}:broken", "-"],
            input=broken, text=True, check=True, capture_output=True,
        )  # fmt: skip
    docker("tag", images["migrate"], "cathouse-migrate:broken")
    (folder / "password-file").write_text(PASSWORD)
    http, https = map(str, free_ports(2))
    environment = {
        "DATABASE_FILE": "database.yaml",
        "STACK_FILES": "valkey.yaml gateway.yaml backup.yaml swarm.yaml",
        "GATEWAY_HTTP_PORT": http,
        "GATEWAY_HTTPS_PORT": https,
        "PROGRAMS_TAG": TAG,
        "SOURCES": str(folder),
    }
    swarm = Swarm(folder, environment, Stack(folder, f"{STACK}-secrets"))
    try:
        began = time.monotonic()
        swarm.type("deploy-with-swarm", "Start it", **HERE_INSTEAD)
        print(
            f"from a clone with images to three replicas of each service: {time.monotonic() - began:.0f} s"
        )
        swarm.type("deploy-with-swarm", "Behaviour of deploy.sh", **HERE_INSTEAD)
        wait_until("the client's first counts", swarm.counts)
        yield swarm
    finally:
        run("docker", "stack", "rm", STACK)
        run("docker", "swarm", "leave", "--force")
        swarm.secrets.down("--volumes")
        # Ended tasks stay as containers, and keep the volume in use.
        left = docker("ps", "--all", "--quiet", f"--filter=name={STACK}_").split()
        run("docker", "rm", "--force", *left)
        volumes = [f"{STACK}_{name}" for name in ("database", "gateway", "backups")]
        run("docker", "volume", "rm", "--force", *volumes)


def test_three_replicas_of_each_service_run(swarm: Swarm) -> None:
    for name in NAMES:
        listed = docker("service", "ls", f"--filter=name={STACK}_{name}", "--format={{.Replicas}}")
        assert listed == "3/3"
    assert swarm.tags() == dict.fromkeys(NAMES, OLD)


def test_replicas_write_to_tmp(swarm: Swarm) -> None:
    for name in NAMES:
        replica = min(_healthy(name))
        docker("exec", replica, "python", "-c", "open('/tmp/written', 'w').write('here')")
        with pytest.raises(CommandFailed, match="Read-only file system"):
            docker("exec", replica, "python", "-c", "open('/written', 'w')")


def _gateway(swarm: Swarm, path: str) -> httpx.Response:
    container = docker("ps", "--quiet", f"--filter=name={STACK}_gateway")
    root = docker("exec", container, "cat", "/data/caddy/pki/authorities/local/root.crt")
    return httpx.get(
        f"https://localhost:{swarm.environment['GATEWAY_HTTPS_PORT']}{path}",
        verify=ssl.create_default_context(cadata=root), trust_env=False, timeout=20,
    )  # fmt: skip


def test_the_gateway_leads_to_the_services(swarm: Swarm) -> None:
    for path in ("/api/v1/auth/jwks", "/api/v1/catalog/cats", "/api/v1/proxy/jwks", "/docs"):
        assert _gateway(swarm, path).status_code == 200, path
    assert _gateway(swarm, "/metrics").status_code == 404


def test_the_secrets_can_be_copied_twice(swarm: Swarm) -> None:
    result = run(
        str(swarm.folder / "deploy/swarm/secrets.sh"),
        cwd=swarm.folder,
        environment=swarm.environment,
    )
    assert result.returncode == 0, result.stdout
    assert all(line.endswith(": exists, kept") for line in result.stdout.splitlines())


def test_a_service_that_cannot_be_placed_is_named(swarm: Swarm) -> None:
    # Its name begins with another service's name, which must still count as up.
    (swarm.folder / "deploy/swarm/nowhere.yaml").write_text(
        f"services: {{auth_nowhere: {{image: 'cathouse-auth:{TAG}', networks: [internal],"
        " deploy: {placement: {constraints: [node.labels.nowhere == true]}}}}\n"
    )
    given = {
        "STACK_FILES": "valkey.yaml gateway.yaml swarm.yaml nowhere.yaml",
        "WAIT_SECONDS": "30",
    }
    try:
        result = Swarm(swarm.folder, swarm.environment | given, swarm.secrets).deploy(OLD)
    finally:
        docker("service", "rm", f"{STACK}_auth_nowhere")
    assert result.returncode == 1
    assert f"{STACK}_auth: 3/3" in result.stdout
    assert f"{STACK}_auth_nowhere is not up after 30 s" in result.stdout
    assert "no suitable node" in result.stdout
    assert result.stdout.count("is not up") == 1


def test_every_replica_responds_to_the_load(swarm: Swarm) -> None:
    for name in LOADED:
        replicas = _healthy(name)
        wait_until(
            f"each replica of {name} to answer",
            lambda replicas=replicas: all(map(_answered, replicas)),  # type: ignore[misc]
        )


def test_a_second_login_of_a_service_fails_no_request(swarm: Swarm) -> None:
    before = swarm.counts()
    (sql,) = re.findall(
        r"```sql\n(.*?)```", (ROOT / "docs/how-to/rotate-secrets.md").read_text(), re.DOTALL
    )
    _psql(sql)
    url = (swarm.folder / "secrets/auth/database_url").read_text()
    url = re.sub("//auth:[^@]*@", "//auth_next:a-password-for-a-while@", url)
    secret = "cathouse_auth_database_url_next"
    subprocess.run(
        ["docker", "secret", "create", secret, "-"],
        input=url, text=True, check=True, capture_output=True,
    )  # fmt: skip
    docker(
        "service", "update", "--quiet", "--secret-rm=cathouse_auth_database_url_1",
        f"--secret-add=source={secret},target=database_url,uid=65532,gid=65532,mode=0400", f"{STACK}_auth",
    )  # fmt: skip
    users = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'auth'"
    assert _psql(users) == "auth_next"
    found = swarm.during("update of auth to a second login", before)
    assert found["failed"] == 0


def _psql(statements: str) -> str:
    postgres = docker("ps", "--quiet", f"--filter=name={STACK}_postgres.")
    return docker(
        "exec", postgres, "psql", "--username=postgres", "--dbname=cathouse", "--no-align",
        "--tuples-only", "--quiet", "--set=ON_ERROR_STOP=1", "--command", statements,
    )  # fmt: skip


def test_a_rolling_update_to_another_tag_token_and_password_fails_no_request(swarm: Swarm) -> None:
    before = swarm.counts()
    postgres = docker("ps", "--quiet", f"--filter=name={STACK}_postgres.")
    (swarm.folder / "secrets/auth/database_url").unlink()
    swarm.secrets.compose("run", "--rm", "secrets")
    swarm.secrets.compose(
        "run", "--rm", "--entrypoint=cathouse-deployment", "secrets", "rotate-service-token", "/secrets"
    )  # fmt: skip
    swarm.secrets_version("2")
    swarm.type("upgrade", "With Swarm", having=NEW)
    assert swarm.tags() == dict.fromkeys(NAMES, NEW)
    _psql("DROP ROLE auth_next")
    assert docker("ps", "--quiet", f"--filter=name={STACK}_postgres.") == postgres
    found = swarm.during("rolling update of 12 replicas", before)
    assert found["made"] > 100
    assert found["failed"] == 0


def _healthy(name: str) -> set[str]:
    """Return the containers of a service's healthy replicas."""
    return set(
        docker("ps", "--quiet", f"--filter=name={STACK}_{name}.", "--filter=health=healthy").split()
    )


def _answered(container: str, *options: str) -> int:
    """Return the number of responses in a container's log."""
    return docker("logs", *options, container).count('"message":"request"')


@pytest.mark.parametrize("name", LOADED)
def test_the_death_of_a_replica_fails_no_request(swarm: Swarm, name: str) -> None:
    counts = swarm.counts()
    before = _healthy(name)
    assert len(before) == 3
    busiest = max(before, key=lambda container: _answered(container, "--since=5s"))
    assert _answered(busiest, "--since=5s") > 0
    os.kill(inspect(busiest)["State"]["Pid"], signal.SIGKILL)
    wait_until(
        "another replica in its place",
        lambda: len(found := _healthy(name)) == 3 and found - before,
        240,
    )
    found = swarm.during(f"kill -9 of a replica of {name}", counts)
    assert found["failed"] == 0


def test_a_broken_tag_is_rolled_back_and_fails_no_request(swarm: Swarm) -> None:
    tags = swarm.tags()
    before = swarm.counts()
    result = swarm.deploy("broken")
    assert result.returncode == 1
    for name in NAMES:
        assert f"{STACK}_{name}: rollback completed" in result.stdout
    assert swarm.tags() == tags
    found = swarm.during("roll-back of a broken tag", before)
    assert found["failed"] == 0


def test_no_replica_is_restarted_while_postgresql_is_away(swarm: Swarm) -> None:
    before = {name: _healthy(name) for name in NAMES}
    docker("service", "scale", f"{STACK}_postgres=0")
    # slow on purpose: after three failed health checks in a row, a swarm replaces a replica
    time.sleep(120)
    assert {name: _healthy(name) for name in NAMES} == before
    docker("service", "scale", f"{STACK}_postgres=1")
    wait_until(
        "the catalog to respond",
        lambda: _gateway(swarm, "/api/v1/catalog/cats").status_code == 200,
    )
    assert {name: _healthy(name) for name in NAMES} == before


def test_the_database_is_backed_up_each_day(swarm: Swarm) -> None:
    def listed() -> str:
        container = docker("ps", "--quiet", f"--filter=name={STACK}_backup")
        return docker("exec", container, "ls", "/var/lib/postgresql")

    wait_until("the first backup", lambda: "backup.prom" in listed())
    assert ".dump" in listed()


def test_a_backup_is_restored(swarm: Swarm) -> None:
    people = _psql(PEOPLE)
    swarm.type("back-up-and-restore", "Back up", having="deploy/swarm/")
    _psql("DROP TABLE catalog.reviews; CREATE SCHEMA later")
    swarm.type("back-up-and-restore", "Restore", having="deploy/swarm/restore.sh")
    assert all(_healthy(name) == set() for name in NAMES)
    swarm.type("back-up-and-restore", "Restore", having="deploy/swarm/deploy.sh", TAG=OLD)
    assert swarm.tags() == dict.fromkeys(NAMES, OLD)
    again = _psql(PEOPLE)
    assert again == people
    found = _psql("SELECT to_regnamespace('later') IS NULL, to_regclass('catalog.reviews') IS NULL")
    assert found == "t|f"
    assert _gateway(swarm, "/api/v1/catalog/cats").status_code == 200
