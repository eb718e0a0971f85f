"""A backup can be restored into an empty stack and over a newer database, and has the same data."""

import subprocess
import time

from .engine import NAMES, Stack

PASSWORD = "correct horse battery staple"
TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ({}) ORDER BY 1"


def _contents(stack: Stack) -> dict[str, str]:
    """Return the number of rows of every table, and a digest of them."""
    schemas = ", ".join(f"'{name}'" for name in NAMES)
    return {
        table: stack.sql(
            f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
        )
        for table in stack.sql(TABLES.format(schemas)).split()
    }


def test_a_backup_restored_into_an_empty_stack_is_the_same_data(stack: Stack) -> None:
    for n in range(5):
        person = {"email": f"p{n}@example.com", "password": PASSWORD, "display_name": f"P {n}"}
        answer = stack.request("POST", "/api/v1/auth/register", json=person)
        assert answer.status_code == 201
    before = _contents(stack)
    assert int(before["auth.people"].partition("|")[0]) >= 5
    dump = stack.folder / "cathouse.dump"
    # A relative path starts at the current folder.
    result = stack.run("sh", "-c", "cd deploy && compose/backup.sh ../cathouse.dump")
    assert result.returncode == 0, result.stdout

    stack.down("--volumes")
    result = stack.run("sh", "-c", "cd deploy && compose/restore.sh ../cathouse.dump")
    assert result.returncode == 0, result.stdout
    assert _contents(stack) == before
    stack.start()
    form = {"username": "p3@example.com", "password": PASSWORD}
    assert stack.request("POST", "/api/v1/auth/login", data=form).status_code == 200
    rows = sum(int(each.partition("|")[0]) for each in before.values())
    print(
        f"{len(before)} tables, {rows} rows, {dump.stat().st_size} bytes: the same after the restore"
    )


def test_a_backup_replaces_a_database_that_has_gone_on(stack: Stack) -> None:
    before = _contents(stack)
    dump = stack.folder / "before.dump"
    assert stack.run("deploy/compose/backup.sh", str(dump)).returncode == 0
    # Add tables like migrations of a later release would, for an existing service and for a new one.
    stack.sql(
        "CREATE TABLE auth.later (id uuid PRIMARY KEY REFERENCES auth.people);"
        " INSERT INTO auth.later SELECT id FROM auth.people;"
        " CREATE SCHEMA later; CREATE TABLE later.things (id uuid REFERENCES auth.people)"
    )
    result: subprocess.CompletedProcess[str] = stack.run("deploy/compose/restore.sh", str(dump))
    assert result.returncode == 0, result.stdout
    assert _contents(stack) == before
    assert stack.sql("SELECT to_regnamespace('later') IS NULL") == "t"
    stack.start()


def test_a_scheduled_backup_can_be_restored(stack: Stack) -> None:
    before = _contents(stack)
    folder = "/var/lib/postgresql"
    stack.environment["COMPOSE_PROFILES"] = "backup"
    try:
        stack.start()
        deadline = time.monotonic() + 60
        while "backup.prom" not in (
            files := stack.compose("exec", "-T", "backup", "ls", folder).split()
        ):
            assert time.monotonic() < deadline, stack.logs("backup")
            time.sleep(1)
        (container,) = stack.replicas("backup")
        assert container["Config"]["User"] == "65532:65532"
        assert container["HostConfig"]["CapDrop"] == ["ALL"]
        assert container["HostConfig"]["ReadonlyRootfs"]
        (name,) = (each for each in files if each.endswith(".dump"))
        stack.compose("cp", f"backup:{folder}/{name}", str(stack.folder / name))
        stack.sql("CREATE TABLE auth.later (id int)")
        result = stack.run("deploy/compose/restore.sh", name)
        assert result.returncode == 0, result.stdout
        assert _contents(stack) == before
        assert "wrote" in stack.compose("run", "--rm", "--no-deps", "backup", "once")
    finally:
        stack.compose("rm", "--stop", "--force", "backup")
        del stack.environment["COMPOSE_PROFILES"]
    stack.start()


def test_a_broken_backup_changes_nothing(stack: Stack) -> None:
    before = _contents(stack)
    dump = stack.folder / "cathouse.dump"
    assert stack.run("deploy/compose/backup.sh", str(dump)).returncode == 0
    whole = dump.read_bytes()
    dump.write_bytes(whole[: len(whole) // 2])
    running = [each["State"]["StartedAt"] for each in stack.replicas("auth")]
    result: subprocess.CompletedProcess[str] = stack.run("deploy/compose/restore.sh", str(dump))
    assert result.returncode != 0
    assert _contents(stack) == before
    assert [each["State"]["StartedAt"] for each in stack.replicas("auth")] == running
    assert stack.ready("auth")
