#!/bin/sh
# install.sh FILE: installs what FILE (requirements, or a pyproject.toml) asks for into $VIRTUAL_ENV, in the versions that
# requirements/dev.txt pins, with their hashes checked. What has no hash there is refused. The project's own wheels, which FILE names
# by their paths, are not installed, only what they need.
set -eu
uv pip compile --quiet --no-header --no-annotate --constraint requirements/dev.txt --output-file "$1.locked" "$1"
grep -v '^/' "$1.locked" >"$1.needed"
uv pip install --quiet --compile-bytecode --only-binary :all: --no-deps --require-hashes --constraint requirements/dev.txt \
  --requirements "$1.needed"
