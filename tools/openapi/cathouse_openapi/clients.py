"""`clients/`: what is generated there from the committed descriptions, and whether it is current."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cathouse_kit.registry import Service

from cathouse_openapi.client_description import merged
from cathouse_openapi.descriptions import as_text
from cathouse_openapi.errors import ApiError

# The generated files depend on these, and on the description.
_INPUTS = (
    "requirements/clients.txt",
    "clients/python/config.yaml",
    "clients/python/templates/*",
    "clients/typescript/package.json",
    "clients/typescript/package-lock.json",
)
_PYTHON = Path("clients/python/cathouse_client/generated")
_TYPESCRIPT = Path("clients/typescript")


class Clients:
    """The folder, in a repository with these services."""

    def __init__(self, root: Path, services: Sequence[Service]) -> None:
        self._root = root
        self._description = root / "clients/openapi.json"
        self._digests = root / "clients/generated.json"
        self._described = merged(
            {
                s.name: json.loads((root / f"docs/openapi/{s.name}.json").read_text())
                for s in services
            }
        )
        self._names = [s.name for s in services]

    def write(self) -> None:
        """Generate the clients, by programs on the PATH. Raises `ApiError` where one fails, or cannot generate all."""
        self._description.write_text(as_text(self._described))
        self._write_python()
        self._write_typescript()
        self._digests.write_text(json.dumps(self._digests_now(), indent=2) + "\n")

    def check(self) -> None:
        """Raise `ApiError` where what is committed was not generated from what is committed."""
        current = (
            self._description.read_text() == as_text(self._described)
            and json.loads(self._digests.read_text()) == self._digests_now()
        )
        if not current:
            raise ApiError(
                "clients/ was not generated from docs/openapi/, or was changed by hand. Run `make clients`."
            )

    def _write_python(self) -> None:
        with tempfile.TemporaryDirectory(dir=self._root / "clients") as folder:
            output = Path(folder) / "generated"
            said = self._run(
                "openapi-python-client",
                "generate",
                *("--path", self._description),
                *("--meta", "none"),
                *("--config", "clients/python/config.yaml"),
                *("--custom-template-path", "clients/python/templates"),
                *("--output-path", output),
            )
            if "WARNING" in said.upper():
                raise ApiError(f"openapi-python-client cannot generate all:\n{said}")
            (output / "services.py").write_text(_services_module(self._names))
            shutil.rmtree(self._root / _PYTHON, ignore_errors=True)
            output.rename(self._root / _PYTHON)

    def _write_typescript(self) -> None:
        folder = self._root / _TYPESCRIPT
        version = self._described["info"]["version"]
        npm = ("npm", "--prefix", folder, "--loglevel=error")
        self._run(*npm, "version", version, "--no-git-tag-version", "--allow-same-version")
        self._run(*npm, "ci")
        shutil.rmtree(folder / "src/generated", ignore_errors=True)
        (folder / "src/generated").mkdir()
        self._run(*npm, "run", "generate")
        (folder / "src/generated/version.ts").write_text(
            "/** The version of this client, and of the platform's release that it is for. */\n"
            f'export const VERSION = "{version}";\n'
        )

    def _run(self, *command: object) -> str:
        program, *words = map(str, command)
        try:
            done = subprocess.run(  # noqa: S603 - the generators of requirements/clients.txt
                [program, *words],
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        except OSError as error:
            raise ApiError(
                f"{program} does not start ({error}). `make clients` installs it; in a Nix shell, run "
                "`nix shell nixpkgs#openapi-python-client nixpkgs#nodejs -c make clients`."
            ) from error
        if done.returncode != 0:
            raise ApiError(f"{program} {' '.join(words[:2])} failed:\n{done.stdout}")
        return done.stdout

    def _digests_now(self) -> dict[str, str]:
        inputs = [self._description, *(p for glob in _INPUTS for p in self._root.glob(glob))]
        return {
            "inputs": self._digest(inputs),
            "python": self._digest(_sources(self._root / _PYTHON)),
            "typescript": self._digest(_sources(self._root / _TYPESCRIPT / "src/generated")),
        }

    def _digest(self, paths: Iterator[Path] | Sequence[Path]) -> str:
        digest = hashlib.sha256()
        for path in sorted(paths):
            digest.update(f"{path.relative_to(self._root)}\0".encode())
            digest.update(path.read_bytes() + b"\0")
        return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc")


def _services_module(names: Sequence[str]) -> str:
    """Return the module that gives a client an attribute for each service."""
    imports = "".join(
        f"from cathouse_client.generated.api.{n} import Async{n.title()}, {n.title()}\n"
        for n in sorted(names)
    )
    plain = "".join(f"        self.{n} = {n.title()}(http)\n" for n in names)
    waiting = "".join(f"        self.{n} = Async{n.title()}(http)\n" for n in names)
    return (
        f'"""The services of the platform."""\n\nimport httpx\n\n{imports}\n\n'
        f"class Services:\n    def __init__(self, http: httpx.Client) -> None:\n{plain}\n\n"
        f"class AsyncServices:\n    def __init__(self, http: httpx.AsyncClient) -> None:\n{waiting}"
    )
