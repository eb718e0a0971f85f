"""Remove files from an image that nothing in it reads: reads an archive for `docker load`, and writes one.

nixpkgs builds packages for every use. The interpreter has tests, an installer and two further sets of compiled modules.
Libraries have headers, manuals, stubs and the sources of compiled modules. An environment has the programs of every
library. Layers that were the same in two images stay the same.
"""

import hashlib
import io
import json
import re
import sys
import tarfile
from tempfile import TemporaryFile
from typing import IO, Any

UNUSED = re.compile(
    r"""/?nix/store/(
        [^/]+-env/bin/(?!python|cathouse)[^/]+$
        | [^/]+/(
            lib/python3[^/]*/(test|idlelib|turtledemo|tkinter|pydoc_data|ensurepip|config-[^/]*)(/|$)
            | bin/(idle|pydoc|pip|2to3|python[0-9.]*-config)[^/]*$
            | (include|lib/gconv|lib/pkgconfig)(/|$)
            | share/(doc|i18n|info|locale|man)(/|$)
            | lib/[^/]+\.a$
            | .*\.(opt-[12]\.pyc|py[ix]|pxd)$
        )
    )""",
    re.VERBOSE,
)


def main() -> None:
    diff_ids: dict[str, str] = {}
    documents: dict[str, Any] = {}
    with (
        tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as source,
        tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as target,
    ):
        for member in source:
            content = source.extractfile(member)
            if content is None:
                continue
            if member.name.endswith("/layer.tar"):
                diff_ids[member.name] = add_layer(target, content)
            else:
                documents[member.name] = json.load(content)
        (manifest,) = documents["manifest.json"]
        config = documents[manifest["Config"]]
        config["rootfs"]["diff_ids"] = [f"sha256:{diff_ids[name]}" for name in manifest["Layers"]]
        encoded = json.dumps(config).encode()
        manifest["Config"] = f"{hashlib.sha256(encoded).hexdigest()}.json"
        manifest["Layers"] = [f"{diff_ids[name]}/layer.tar" for name in manifest["Layers"]]
        add(target, manifest["Config"], io.BytesIO(encoded), len(encoded))
        encoded = json.dumps([manifest]).encode()
        add(target, "manifest.json", io.BytesIO(encoded), len(encoded))


def add_layer(target: tarfile.TarFile, layer: IO[bytes]) -> str:
    """Add a layer without its unused files. Return its SHA-256, which the image's configuration lists."""
    with TemporaryFile() as file:
        with (
            tarfile.open(fileobj=layer, mode="r|") as before,
            tarfile.open(fileobj=file, mode="w|") as after,
        ):
            for member in before:
                if not UNUSED.match(member.name):
                    after.addfile(member, before.extractfile(member) if member.isreg() else None)
        size = file.tell()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        add(target, f"{digest}/layer.tar", file, size)
    return digest


def add(target: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    target.addfile(member, content)


if __name__ == "__main__":
    main()
