"""The secrets of a deployment, as files that the containers mount: made at random, and never made anew."""

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
"""Whom the images run as."""

# These are names of files.
SERVICE_TOKEN_FILE = "service_token"  # noqa: S105
SUPERUSER_PASSWORD_FILE = "postgres/superuser_password"  # noqa: S105
SUPERUSER_URL_FILE = "postgres/superuser_url"

# The host name of the PostgreSQL container, and the superuser that its image makes.
_SERVER = "postgresql://postgres:5432"
_SUPERUSER = "postgres"


def database_url_file(role: str) -> str:
    return f"{role}/database_url"


def make_secrets(folder: Path, services: Sequence[Service]) -> list[str]:
    """Makes the secrets that `folder` does not hold yet; returns the names of those that it made.

    Their owner alone reads the files. As root, the owner is `IMAGE_USER`, also of files that were there. Raises
    `DeploymentError` where a file that was there is empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Names may be seen: `docker compose` looks whether the files are there.
    folder.chmod(0o711)
    # Wherever the folder is put, it is committed by nobody.
    (folder / ".gitignore").write_text("*\n")
    made: list[str] = []

    def secret(name: str, make: Callable[[], str]) -> str:
        path = folder / name
        if path.exists():
            if not (content := path.read_text(encoding="utf-8").strip()):
                raise DeploymentError(f"{path} is empty: remove it, or write the secret into it")
        else:
            path.parent.mkdir(exist_ok=True)
            path.parent.chmod(0o711)
            content = make()
            write_whole(path, content, 0o600)
            made.append(name)
        path.chmod(0o400)
        if os.geteuid() == 0:
            os.chown(path, IMAGE_USER, IMAGE_USER)
        return content

    secret(SERVICE_TOKEN_FILE, lambda: secrets.token_urlsafe(32))
    if (folder / SUPERUSER_URL_FILE).exists() and not (folder / SUPERUSER_PASSWORD_FILE).exists():
        server = secret(
            SUPERUSER_URL_FILE, new_password
        )  # a managed server's, which has no container
    else:
        password = secret(SUPERUSER_PASSWORD_FILE, new_password)
        server = secret(
            SUPERUSER_URL_FILE, lambda: url_for(_SERVER, _SUPERUSER, password, _SUPERUSER)
        )
    for role in (role for service in services for role in service.database_roles):
        secret(database_url_file(role), partial(_database_url, server, role))
    return made


def rotate_service_token(folder: Path, *, finish: bool) -> None:
    """Puts a new token before the one that `folder` holds, so that both are accepted; or, to finish, drops that one.

    Raises `DeploymentError` where that was done before, and where there is no token.
    """
    path = folder / SERVICE_TOKEN_FILE
    tokens = path.read_text(encoding="utf-8").strip().split(",") if path.exists() else []
    if not any(tokens):
        raise DeploymentError(f"{path} holds no token: cathouse-deployment secrets makes one")
    if finish and len(tokens) == 1:
        raise DeploymentError(f"{path} holds one token: there is nothing to finish")
    if not finish and len(tokens) > 1:
        raise DeploymentError(
            f"{path} holds two tokens already: when every service has them, --finish drops the older one"
        )
    owner = path.stat()
    newer = tokens[0] if finish else f"{secrets.token_urlsafe(32)},{tokens[0]}"
    write_whole(path, newer, 0o600)
    path.chmod(0o400)
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def _database_url(server: str, role: str) -> str:
    return url_for(server, role, new_password(), DATABASE)
