"""Environment variables of other programs do not change `make up` and `make test`."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .stack import copy_repository, stack_in

pytestmark = pytest.mark.xdist_group("stack")

# Each of them would change an address, stop a start, or run other code.
FOREIGN = {
    "PGHOST": "192.0.2.1",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "somebody",
    "PGPASSWORD": "of-somebody",
    "PGDATABASE": "elsewhere",
    "PGSERVICE": "elsewhere",
    "PGSERVICEFILE": "/nonexistent",
    "PGPASSFILE": "/nonexistent",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": "/nonexistent",
    "PGSSLNEGOTIATION": "direct",
    "PGTARGETSESSIONATTRS": "standby",
    "PGOPTIONS": "-c search_path=elsewhere",
    "PGAPPNAME": "elsewhere",
    "PGDATA": "/nonexistent",
    "DATABASE_URL": "postgresql://somebody:of-somebody@192.0.2.1/elsewhere",
    "DATABASE_POOL_SIZE": "many",
    "POSTGRES_URL": "postgresql://somebody:of-somebody@192.0.2.1/elsewhere",
    "POSTGRES_BIN": "/nonexistent",
    "STATE_DIR": "/nonexistent/state",
    "SECRETS_DIR": "/nonexistent",
    "HOST": "192.0.2.1",
    "PORT": "1",
    "DEBUG": "app:*",
    "LOG_LEVEL": "verbose",
    "LOG_FORMAT": "pretty",
    "SERVICE_NAME": "",
    "SERVICE_TOKEN": "short",
    "AUTH_URL": "ftp://elsewhere",
    "CATALOG_URL": "elsewhere",
    "CORS_ORIGINS": "nothing like an origin",
    "FORWARDED_ALLOW_IPS": "everybody",
    "RATE_LIMIT_STORAGE": "mongodb://elsewhere",
    "RATE_LIMIT_PER_INSTALLATION": "never",
    "SHUTDOWN_GRACE_SECONDS": "soon",
    "MAX_BODY_BYTES": "0",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "nowhere",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://192.0.2.1:4318",
    "OTEL_SDK_DISABLED": "true",
    "PYTHONPATH": "/nonexistent",
    "PYTHONSTARTUP": "/nonexistent",
    "PYTHONHOME": "/nonexistent",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "PYTEST_ADDOPTS": "--no-such-option",
    "UVICORN_PORT": "64999",
    "REDIS_PORT": "1",
    "UVICORN_RELOAD": "1",
    "WEB_CONCURRENCY": "4",
    "COMPOSE_SHELL": "/nonexistent",
    "COMPOSE_FILE": "/nonexistent",
    "PC_PORT_NUM": "1",
    "PC_DISABLE_TUI": "0",
    "PC_CONFIG_FILES": "/nonexistent",
    "VIRTUAL_ENV": "/nonexistent",
    "ENV": "production",
    "BASH_ENV": "/nonexistent",
    "A_VARIABLE_THAT_NOBODY_KNOWS": "1",
}
# Variables that every program gets from a shell or a Nix shell.
KEPT = {
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
    "TZ": "Asia/Tokyo",
    "NIX_SSL_CERT_FILE": "/etc/some.crt",
    "NIX_PROFILES": "/nix/var/nix/profiles/default",
    "IN_NIX_SHELL": "impure",
    "LOCALE_ARCHIVE": "/nix/store/locales",
    "LD_LIBRARY_PATH": "",
    "HTTPS_PROXY": "http://proxy.example",
    "no_proxy": "localhost",
    "AUTH_PORT": "18005",
    "WATCHFILES_FORCE_POLLING": "true",
    "CATHOUSE_TAG": "dev",
}


def _shell(**variables: str) -> dict[str, str]:
    """Return an environment in which make does not install again."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "CATHOUSE_NIX": "1",
        **variables,
    }


@pytest.fixture
def makefile(tmp_path: Path) -> Path:
    """Write the Makefile with a target that prints the variables that recipes inherit."""
    path = tmp_path / "Makefile"
    printed = "import os; [print(n + '=' + v.replace(chr(10), ' ')) for n, v in os.environ.items()]"
    text = Path(__file__).parents[2].joinpath("Makefile").read_text()
    shutil.copy(Path(__file__).parents[2] / "services.toml", tmp_path)
    path.write_text(f'{text}\ninherited:\n\t@{sys.executable} -c "{printed}"\n')
    return path


def _inherited(makefile: Path, *typed: str, **shell: str) -> dict[str, str]:
    result = subprocess.run(
        ["make", "-s", "inherited", *typed],
        cwd=makefile.parent,
        env=_shell(**shell),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in result.stdout.splitlines())


def test_recipes_inherit_no_variable_of_another_program(makefile: Path) -> None:
    inherited = _inherited(makefile, **FOREIGN)
    assert inherited.keys() & FOREIGN.keys() == {
        "PYTEST_ADDOPTS"
    }  # set by the Nix shell, and only kept there
    # Only the names are passed on, never a value.
    assert set(inherited["CATHOUSE_NOT_INHERITED"].split()) >= FOREIGN.keys() - {"PYTEST_ADDOPTS"}
    assert not any("elsewhere" in value for value in inherited.values())


def test_recipes_inherit_what_the_shell_gives_every_program(makefile: Path) -> None:
    inherited = _inherited(makefile, **KEPT)
    assert {name: inherited.get(name) for name in KEPT} == KEPT


def test_variables_typed_after_make_are_passed_on(makefile: Path) -> None:
    inherited = _inherited(
        makefile, "LOG_LEVEL=DEBUG", "POSTGRES_URL=postgresql://x@y/z", LOG_LEVEL="loud", DEBUG="1"
    )
    assert inherited["LOG_LEVEL"] == "DEBUG"
    assert inherited["POSTGRES_URL"] == "postgresql://x@y/z"
    assert "DEBUG" not in inherited


def test_an_odd_name_hinders_nothing(makefile: Path) -> None:
    odd = {"BASH_FUNC_module%%": "() {  eval `x`; }", "a.b-c": "1", "A#B": "$(error no)", "É": "1"}
    inherited = _inherited(makefile, **odd, DATABASE_URL="postgresql://x@y/z")
    assert "DATABASE_URL" not in inherited


def test_make_up_is_the_same_with_all_of_them(tmp_path: Path) -> None:
    with stack_in(tmp_path / "copy") as stack:
        ports = {f"{name.upper()}_PORT": str(port) for name, port in stack.ports.items()}
        # Python must not read these before make has dropped them.
        stack.environment = _shell(**FOREIGN, **ports)
        command = ["make", "--no-print-directory", "up"]
        with stack.output.open("wb") as output:
            stack.process = subprocess.Popen(
                command,
                cwd=stack.folder,
                env=stack.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        stack.wait_until_up()
        others = ("gateway", "tasks", "dashboard")
        assert all(stack.ready(name) for name in stack.ports if name not in others)
        gateway = stack.get("gateway", "/health")
        assert gateway is not None
        assert gateway.status_code == 200
        dashboard = stack.get("dashboard", "/")
        assert dashboard is not None
        assert dashboard.status_code == 401
        told = next(
            line for line in stack.said().splitlines() if "not passed on from the shell" in line
        )
        for name in ("DATABASE_URL", "PGSSLMODE", "HOST", "LOG_LEVEL", "PYTHONPATH", "STATE_DIR"):
            assert f"{name}, " in told
        assert "of-somebody" not in stack.said()
        assert (stack.folder / ".state/postgres/PG_VERSION").exists()
        os.killpg(stack.process.pid, signal.SIGINT)
        stack.process.wait(timeout=40)


@pytest.mark.parametrize("name", ["DATABASE_URL", "PGSSLMODE", "HOST", "UVICORN_PORT"])
def test_a_start_without_make_is_refused_and_names_the_variable(tmp_path: Path, name: str) -> None:
    folder = copy_repository(tmp_path / "copy")
    (folder / ".state/logs").mkdir(parents=True)
    result = subprocess.run(
        [sys.executable, "-m", "cathouse_stack", "preflight"],
        cwd=folder,
        env=_shell(**{name: FOREIGN[name]}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert f"{name} is set in the shell and would change the stack. Unset it" in result.stderr
    assert FOREIGN[name] not in result.stderr
    assert not (folder / ".state/secrets").exists()
