"""The secrets of a deployment, as files that containers mount. They are random, and existing files are kept."""

import os
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cathouse_kit.registry import Service
from cathouse_postgres.files import write_whole
from cathouse_postgres.roles import DATABASE
from cathouse_postgres.scram import new_password
from cathouse_postgres.urls import url_for

from cathouse_deployment.errors import DeploymentError

IMAGE_USER = 65532
"""The user id in the images."""

# These are names of files.
SERVICE_TOKEN_FILE = "service_token"  # noqa: S105
SUPERUSER_PASSWORD_FILE = "postgres/superuser_password"  # noqa: S105
SUPERUSER_URL_FILE = "postgres/superuser_url"

# The host name of the PostgreSQL container, and the superuser that its image creates.
_SERVER = "postgresql://postgres:5432"
_SUPERUSER = "postgres"


def database_url_file(role: str) -> str:
    return f"{role}/database_url"


def make_secrets(folder: Path, services: Sequence[Service]) -> list[str]:
    """Create the secrets that are missing in `folder`, and return their names.

    Only the owner can read the files. For root, the owner becomes `IMAGE_USER`, also of existing files. Raises
    `DeploymentError` when an existing file is empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Other users may open the folder, because `docker compose` checks that the files exist.
    folder.chmod(0o711)
    # git must ignore the folder at any place.
    (folder / ".gitignore").write_text("*\n")
    created: list[str] = []

    def secret(name: str, make: Callable[[], str]) -> str:
        path = folder / name
        if path.exists():
            if not (content := path.read_text(encoding="utf-8").strip()):
                raise DeploymentError(f"{path} is empty: delete it, or write the secret into it")
        else:
            path.parent.mkdir(exist_ok=True)
            path.parent.chmod(0o711)
            content = make()
            write_whole(path, content, 0o600)
            created.append(name)
        path.chmod(0o400)
        if os.geteuid() == 0:
            os.chown(path, IMAGE_USER, IMAGE_USER)
        return content

    secret(SERVICE_TOKEN_FILE, lambda: secrets.token_urlsafe(32))
    if (folder / SUPERUSER_URL_FILE).exists() and not (folder / SUPERUSER_PASSWORD_FILE).exists():
        server = secret(SUPERUSER_URL_FILE, new_password)  # a managed server has no container
    else:
        password = secret(SUPERUSER_PASSWORD_FILE, new_password)
        server = secret(
            SUPERUSER_URL_FILE, lambda: url_for(_SERVER, _SUPERUSER, password, _SUPERUSER)
        )
    for role in (role for service in services for role in service.database_roles):
        secret(database_url_file(role), partial(_database_url, server, role))
    return created


def rotate_service_token(folder: Path, *, finish: bool) -> None:
    """Add a new token before the token in `folder`, so both are accepted. With `finish`, remove the older token.

    Raises `DeploymentError` when this step was already done, and when there is no token.
    """
    path = folder / SERVICE_TOKEN_FILE
    tokens = path.read_text(encoding="utf-8").strip().split(",") if path.exists() else []
    if not any(tokens):
        raise DeploymentError(
            f"{path} contains no token: create one with cathouse-deployment secrets"
        )
    if finish and len(tokens) == 1:
        raise DeploymentError(
            f"{path} contains only one token, so the rotation is finished: run the command without --finish"
            " to start another rotation"
        )
    if not finish and len(tokens) > 1:
        raise DeploymentError(
            f"{path} already contains two tokens: deploy them to every service, then run the command with --finish"
        )
    owner = path.stat()
    newer = tokens[0] if finish else f"{secrets.token_urlsafe(32)},{tokens[0]}"
    write_whole(path, newer, 0o600)
    path.chmod(0o400)
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def _database_url(server: str, role: str) -> str:
    return url_for(server, role, new_password(), DATABASE)
