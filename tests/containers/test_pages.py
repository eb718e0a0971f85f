"""The commands of the pages on Compose work as typed, from the first start to an upgrade. Their Markdown runs here."""

import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from .engine import NAMES, ROOT, Stack, composed, docker
from .pages import Section, script, sections

PAGES = ("deploy-with-compose", "back-up-and-restore", "upgrade")
PASSWORD = "correct horse battery staple"
OF_OTHER_TARGETS = re.compile(r"deploy/swarm/|kubectl")
"""tests/containers/test_swarm.py types those of a swarm, and test_kubernetes_manifests.py checks the manifests."""
NOT_TYPED = {
    "export CATHOUSE_BIND=0.0.0.0 GATEWAY_ADDRESS=cats.example.com GATEWAY_TLS=you@example.com": (
        "needs a public name, and an authority that reaches this machine"
    ),
}


SECTIONS = [
    replace(section, commands=typed)
    for page in PAGES
    for section in sections(page)
    if (
        typed := tuple(
            command
            for command in section.commands
            if not OF_OTHER_TARGETS.search(command) and command not in NOT_TYPED
        )
    )
]


def test_the_pages_have_the_commands_that_are_left_out() -> None:
    text = "".join((ROOT / f"docs/how-to/{page}.md").read_text() for page in PAGES)
    for command in NOT_TYPED:
        assert f"\n$ {command}\n" in text


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_commands_to_type(page: str) -> None:
    assert [section for section in SECTIONS if section.page == page]


@pytest.fixture(scope="module")
def machine(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Prepare a machine with a clone, and nothing that runs."""
    folder = tmp_path_factory.mktemp("pages") / "here"
    with composed(folder, "cathouse-pages", secrets=False) as stack:
        stack.environment["CATHOUSE_TAG"] = "pages"
        (folder / "password-file").write_text(PASSWORD)
        _create_certificate(folder / "certificate")
        try:
            yield stack
        finally:
            stack.run("docker", "compose", "--profile=backup", "rm", "--stop", "--force", "backup")
            for tag in ("0.1.0", "0.2.0"):
                for name in (*NAMES, "migrate"):
                    stack.run("docker", "rmi", "--force", f"cathouse-{name}:{tag}")


def _create_certificate(folder: Path) -> None:
    folder.mkdir()
    stack = Stack(folder, "")
    result = stack.run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=cats.example.com", "-addext", "subjectAltName=DNS:cats.example.com",
        "-keyout", "key.pem", "-out", "certificate.pem",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
    # Root in the gateway reads only what everyone may read, unless the folder belongs to root.
    (folder / "key.pem").chmod(0o644)


def _before(section: Section, machine: Stack) -> None:
    """Prepare what the section expects."""
    if section.title == "Restore":
        machine.sql("CREATE TABLE auth.later (id int)")
    if section.page == "upgrade":
        for tag in ("0.1.0", "0.2.0"):
            for name in (*NAMES, "migrate"):
                docker("tag", f"cathouse-{name}:pages", f"cathouse-{name}:{tag}")


def _after(section: Section, machine: Stack) -> None:
    """Check what the section promises."""
    if section.title == "Start it":
        form = {"username": "you@example.com", "password": PASSWORD}
        assert machine.request("POST", "/api/v1/auth/login", data=form).status_code == 200
        assert all(len(machine.replicas(name)) == 2 for name in NAMES)
    if section.title == "Choose the address and its certificate":
        trusted = ssl.create_default_context(cafile=machine.folder / "certificate/certificate.pem")
        port = int(machine.environment["GATEWAY_HTTPS_PORT"])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            trusted.wrap_socket(connection, server_hostname="cats.example.com").close()
    if section.title == "Each day, with Compose or Swarm":
        written = {path.name for path in (machine.folder / "backups").iterdir()}
        assert any(name.endswith(".dump") for name in written)
        assert "backup.prom" in written
    if section.title == "Restore":
        assert machine.sql("SELECT to_regclass('auth.later') IS NULL") == "t"
    if section.page == "upgrade":
        images = {each["Config"]["Image"] for name in NAMES for each in machine.replicas(name)}
        assert images == {f"cathouse-{name}:0.1.0" for name in NAMES}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda each: f"{each.page}: {each.title}")
def test_the_commands_of_a_section_work(machine: Stack, section: Section) -> None:
    _before(section, machine)
    typed = script(
        section.commands,
        {
            "/etc/cathouse": str(machine.folder / "certificate"),
            "/srv/backups": str(machine.folder / "backups"),
        },
    )
    began = time.monotonic()
    result = machine.run("bash", "-exuo", "pipefail", "-c", typed, seconds=1200)
    assert result.returncode == 0, f"{result.stdout}\n{machine.logs()}"
    print(f"{section.page}: {section.title}: {time.monotonic() - began:.1f} s")
    _after(section, machine)
