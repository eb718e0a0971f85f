"""Run the commands of docs/how-to/rotate-secrets.md and docs/how-to/prune-the-audit.md on the composed stack."""

import re

import pytest
from cathouse_kit.testing import wait_until

from .engine import NAMES, Stack

PASSWORD = "correct horse battery staple"

# Calls an internal route, with the first token of this container.
INTERNAL = """
import pathlib, urllib.error, urllib.request
token = pathlib.Path("/run/secrets/service_token").read_text().partition(",")[0]
request = urllib.request.Request(
    "http://{name}:{port}{path}", b"{{}}", {{"Authorization": "Bearer " + token}}, method="{method}")
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.parametrize("name", ["auth", "proxy"])
def test_signing_keys_are_rotated(stack: Stack, name: str) -> None:
    jwks = f"/api/v1/{name}/jwks"
    old = {key["kid"] for key in stack.get(jwks).json()["keys"]}
    said = stack.compose("exec", "-T", name, "python", "-m", f"cathouse_{name}", "rotate-keys")
    # The output is the id in one line, and a log line that the key was rotated.
    (new,) = re.findall(r"^[0-9a-f]{32}$", said, re.MULTILINE)
    assert '"event":"signing_key_rotated"' in said
    wait_until(
        "both keys to be published",
        lambda: {key["kid"] for key in stack.get(jwks).json()["keys"]} == old | {new},
    )


def test_the_audit_is_pruned(stack: Stack) -> None:
    stack.sql(
        "INSERT INTO proxy.audit (id, at, method, path, outcome, request_id) SELECT uuidv7(-age), now() - age,"
        " 'GET', '/', 'answered', 'pruned' FROM (VALUES (interval '91 days'), (interval '89 days')) AS t (age)"
    )
    prune = ["python", "-m", "cathouse_proxy", "prune-audit", "--older-than", "90"]
    refused = stack.run("docker", "compose", "exec", "-T", "proxy", *prune)
    assert refused.returncode != 0
    assert "may not delete from the audit" in refused.stdout
    said = stack.compose("run", "--rm", "prune-audit", "--older-than", "90")
    assert said.endswith("1 rows deleted")
    assert stack.sql("SELECT count(*) FROM proxy.audit WHERE request_id = 'pruned'") == "1"


def test_services_with_and_without_the_new_token_work_together_during_a_rotation(
    stack: Stack,
) -> None:
    def rotate(*options: str) -> None:
        stack.compose(
            "run", "--rm", "--entrypoint", "cathouse-deployment", "secrets", "rotate-service-token",
            *options, "/secrets",
        )  # fmt: skip

    def token_of(name: str) -> str:
        return stack.python(name, "print(open('/run/secrets/service_token').read())")

    before = token_of("proxy")
    rotate()
    stack.compose("restart", "installation")
    wait_until("installation to be ready", lambda: stack.ready("installation"))
    assert token_of("installation").endswith(f",{before}")
    assert token_of("catalog") == token_of("proxy") == before
    # A service with only the old token calls one that has both.
    assert _internal(stack, "proxy", "installation", 8003, "installations/internal/verify") == "422"
    # A service with both calls one with only the old token. It is accepted, because the response is that the cat is
    # unknown.
    assert _adopt(stack) == (404, "urn:cathouse:problem:cat_not_found")

    for name in NAMES:
        stack.compose("restart", name)
    rotate("--finish")
    for name in NAMES:
        stack.compose("restart", name)
    wait_until("all to be ready", lambda: all(stack.ready(name) for name in NAMES))
    assert before not in token_of("proxy")
    assert _internal(stack, "proxy", "installation", 8003, "installations/internal/verify") == "422"
    assert _adopt(stack) == (404, "urn:cathouse:problem:cat_not_found")


def _internal(stack: Stack, caller: str, name: str, port: int, path: str) -> str:
    source = INTERNAL.format(name=name, port=port, path=f"/api/v1/{path}", method="POST")
    return stack.python(caller, source)


def _adopt(stack: Stack) -> tuple[int, str]:
    """Adopt a cat that does not exist, for which installation calls catalog. Return the status and the body."""
    auth = "/api/v1/auth"
    person = {"email": "rotating@example.com", "password": PASSWORD, "display_name": "R"}
    stack.request("POST", f"{auth}/register", json=person)
    form = {"username": person["email"], "password": PASSWORD}
    tokens = stack.request("POST", f"{auth}/login", data=form).json()
    answer = stack.request(
        "POST",
        "/api/v1/installations",
        json={"cat_id": "01890a5d-ac96-774b-bcce-b302099a8057", "granted_scopes": []},
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
    )
    return answer.status_code, answer.json()["type"]


def test_a_services_password_is_replaced(stack: Stack) -> None:
    path = stack.folder / "secrets/catalog/database_url"
    before = path.read_text()
    path.unlink()
    stack.compose("run", "--rm", "secrets")
    stack.compose("rm", "--force", "--stop", "catalog")
    stack.start()
    assert path.read_text() != before
    assert stack.ready("catalog")
    assert _signs_in(stack, path.read_text())
    assert not _signs_in(stack, before)


def test_the_superusers_password_is_replaced(stack: Stack) -> None:
    folder = stack.folder / "secrets/postgres"
    before = (folder / "superuser_url").read_text()
    old = (folder / "superuser_password").read_text()
    new = "another-password-of-the-superuser"
    stack.sql(f"ALTER ROLE postgres PASSWORD '{new}'")
    (folder / "superuser_password").write_text(new)
    (folder / "superuser_url").write_text(before.replace(old, new))
    stack.start()  # `roles` connects with it
    assert _signs_in(stack, (folder / "superuser_url").read_text())
    assert not _signs_in(stack, before)


def _signs_in(stack: Stack, url: str) -> bool:
    """Return whether PostgreSQL accepts the password of a URL."""
    return (
        stack.python(
            "auth",
            f"""
import asyncio, asyncpg
try:
    asyncio.run(asyncpg.connect({url.strip()!r}))
    print(True)
except asyncpg.InvalidPasswordError:
    print(False)
""",
        )
        == "True"
    )
