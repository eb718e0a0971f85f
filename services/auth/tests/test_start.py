"""The start of auth in a separate process."""

import subprocess
import sys


def test_auth_which_calls_no_service_loads_no_http_client(
    database_urls: dict[str, str], service_token: str
) -> None:
    program = (
        "import sys; from cathouse_auth.main import create_app; create_app();"
        "print('httpcore' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"DATABASE_URL": database_urls["auth"], "SERVICE_TOKEN": service_token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "False\n", "")
