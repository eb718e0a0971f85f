#!/bin/sh
# install.sh FILE: install the dependencies in FILE (requirements, or a pyproject.toml) into $VIRTUAL_ENV. Versions and
# hashes are those of requirements/dev.txt; a dependency without a hash is refused. If FILE names the project's own
# wheels by their paths, only their dependencies are installed.
set -eu
uv pip compile --quiet --no-header --no-annotate --constraint requirements/dev.txt --output-file "$1.locked" "$1"
grep -v '^/' "$1.locked" >"$1.needed"
uv pip install --quiet --compile-bytecode --only-binary :all: --no-deps --require-hashes --constraint requirements/dev.txt \
  --requirements "$1.needed"
