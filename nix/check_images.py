"""Check the configurations of the images without building the images: check_images.py NAME=CONFIGURATION...

A configuration is the input of nixpkgs' image builder: the image's `config`, and the store paths of each layer.
Properties that depend on nixpkgs' packages, such as sizes, are printed but not checked.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

LABELS = {"title", "description", "version", "revision", "source", "licenses"}
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - in a container, which publishes what it wants
PROGRAMS_TO_REPORT = ("sh", "bash", "cp", "nix", "pip")


def problems(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems in the configuration of an image."""
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"]):
        yield f"User {config['User']} is not a numeric user other than root"
    for key in ("Entrypoint", "Cmd"):
        if not isinstance(config.get(key, []), list):
            yield f"{key} is not in exec form, so a shell would get the signals"
    labels = {label.removeprefix("org.opencontainers.image.") for label in config["Labels"]}
    if labels != LABELS or not all(config["Labels"].values()):
        yield f"its labels are {sorted(labels)}, not {sorted(LABELS)}"
    ports = [port.removesuffix("/tcp") for port in config.get("ExposedPorts", {})]
    if "serve" in config.get("Cmd", []):
        if environment.get("HOST") != EVERY_ADDRESS or ports != [environment.get("PORT")]:
            yield f"it listens on {environment.get('HOST')}:{environment.get('PORT')} and exposes {ports}"
        if config["Healthcheck"]["Test"] != ["CMD", "python", "-m", "cathouse_kit.healthcheck"]:
            yield f"its health check is {config['Healthcheck']['Test']}"


def layer_problems(layers: Mapping[str, list[list[str]]]) -> Iterator[str]:
    """Yield the problems in the order of the layers, comparing all images."""
    for name, paths in layers.items():
        if not any(re.search(r"-python3-[\d.]+$", path) for path in paths[0]):
            yield f"{name}: the lowest layer lacks the interpreter"
        if not any(f"-cathouse-{name}-" in path for path in paths[-1]):
            yield f"{name}: the uppermost layer lacks the image's own code"
    for depth, what in enumerate(("the interpreter", "shared dependencies", "the kit")):
        if len({tuple(paths[depth]) for paths in layers.values()}) != 1:
            yield f"the layer of {what} is not the same in {', '.join(layers)}"


def size(path: Path) -> int:
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())


def report(name: str, layers: list[list[str]]) -> None:
    sizes = [sum(size(Path(path)) for path in layer) for layer in layers]
    shown = " + ".join(f"{number / 1e6:.1f}" for number in sizes)
    print(f"{name}: {shown} = {sum(sizes) / 1e6:.1f} MB, before prune_layers.py removes a part")
    for program in PROGRAMS_TO_REPORT:
        for layer in layers:
            for path in layer:
                if Path(path, "bin", program).exists():
                    print(f"{name}: {path}/bin/{program} is in the closure")


def main(arguments: list[str]) -> None:
    images = {
        name: json.loads(Path(path).read_text())
        for name, path in (argument.split("=", 1) for argument in arguments)
    }
    layers = {name: image["store_layers"] for name, image in images.items()}
    found = [
        f"{name}: {problem}"
        for name, image in images.items()
        for problem in problems(name, image["config"])
    ]
    found += layer_problems(layers)
    for name in images:
        report(name, layers[name])
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main(sys.argv[1:])
