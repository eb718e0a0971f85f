"""images/prune_layers.py removes unused files, and writes a valid archive."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from typing import IO

from .evaluation import ROOT

PYTHON = "/nix/store/aaaa-python3-3.13.1"
KEPT = {
    f"{PYTHON}/bin/python3.13": b"interpreter",
    f"{PYTHON}/lib/python3.13/json/__init__.py": b"module",
    f"{PYTHON}/lib/python3.13/json/__pycache__/__init__.cpython-313.pyc": b"compiled",
    "/nix/store/bbbb-python3.13-testing-1/lib/python3.13/site-packages/test/__init__.py": b"library",
    "/nix/store/ffff-python3-3.13.1-env/bin/python": b"wrapper",
    "/nix/store/ffff-python3-3.13.1-env/bin/cathouse-migrate": b"program",
    "/nix/store/cccc-tzdata-1/share/zoneinfo/UTC": b"zone",
}
LEFT_OUT = (
    f"{PYTHON}/lib/python3.13/test/test_json.py",
    f"{PYTHON}/lib/python3.13/ensurepip/_bundled/pip.whl",
    f"{PYTHON}/lib/python3.13/json/__pycache__/__init__.cpython-313.opt-1.pyc",
    f"{PYTHON}/lib/python3.13/json/__pycache__/__init__.cpython-313.opt-2.pyc",
    f"{PYTHON}/include/python3.13/Python.h",
    f"{PYTHON}/bin/idle3",
    f"{PYTHON}/lib/python3.13/tkinter/__init__.py",
    "/nix/store/bbbb-python3.13-yarl-1/lib/python3.13/site-packages/yarl/_quoting_c.pyx",
    "/nix/store/bbbb-python3.13-yarl-1/lib/python3.13/site-packages/yarl/_quoting_c.pyi",
    "/nix/store/bbbb-python3.13-greenlet-1/lib/python3.13/site-packages/greenlet.pxd",
    "/nix/store/ffff-python3-3.13.1-env/bin/alembic",
    "/nix/store/dddd-glibc-2/share/i18n/charmaps/UTF-8.gz",
)


def tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o555
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def image(*layers: dict[str, bytes], title: str) -> bytes:
    """Return an archive like those that nixpkgs streams."""
    contents = [tar(layer) for layer in layers]
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    config = {
        "config": {"Labels": {"title": title}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }
    names = [f"{digest}/layer.tar" for digest in digests]
    manifest = [{"Config": "config.json", "RepoTags": [f"{title}:dev"], "Layers": names}]
    return tar(
        {
            **dict(zip(names, contents, strict=True)),
            "config.json": json.dumps(config).encode(),
            "manifest.json": json.dumps(manifest).encode(),
        }
    )


def pruned(archive: bytes) -> dict[str, bytes]:
    command = [sys.executable, str(ROOT / "images/prune_layers.py")]
    output = subprocess.run(command, input=archive, capture_output=True, check=True).stdout
    return members(io.BytesIO(output))


def members(archive: IO[bytes]) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=archive) as opened:
        for member in opened:
            content = opened.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
    return found


def test_unused_files_are_removed_and_the_rest_is_kept() -> None:
    files = pruned(image({**KEPT, **dict.fromkeys(LEFT_OUT, b"unused")}, title="cathouse-auth"))
    (layer,) = [content for name, content in files.items() if name.endswith("/layer.tar")]
    assert members(io.BytesIO(layer)) == KEPT
    with tarfile.open(fileobj=io.BytesIO(layer)) as opened:
        assert {member.mode for member in opened} == {0o555}


def test_the_archive_names_the_layers_that_it_holds() -> None:
    own = {"/nix/store/eeee-cathouse-auth/lib/a.py": b"1"}
    files = pruned(image(KEPT, own, title="cathouse-auth"))
    (manifest,) = json.loads(files["manifest.json"])
    config = json.loads(files[manifest["Config"]])
    assert manifest["RepoTags"] == ["cathouse-auth:dev"]
    assert manifest["Config"] == f"{hashlib.sha256(files[manifest['Config']]).hexdigest()}.json"
    assert config["config"] == {"Labels": {"title": "cathouse-auth"}}
    digests = [hashlib.sha256(files[name]).hexdigest() for name in manifest["Layers"]]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}" for digest in digests]
    assert manifest["Layers"] == [f"{digest}/layer.tar" for digest in digests]


def test_layers_that_two_images_share_stay_the_same() -> None:
    shared = {**KEPT, LEFT_OUT[0]: b"unused"}
    first, second = (
        json.loads(pruned(image(shared, {f"/{name}": b"own"}, title=name))["manifest.json"])[0]
        for name in ("auth", "catalog")
    )
    assert first["Layers"][0] == second["Layers"][0]
    assert first["Layers"][1] != second["Layers"][1]
