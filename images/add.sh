#!/bin/sh
# add.sh REQUIREMENTS NAME...: installs what is locked there and the project's own packages, and leaves in /layer the files
# that this added to the virtual environment, so that an image holds what it shares with others in a layer of its own.
set -eu
requirements=$1
shift
for name; do set -- "$@" "/wheels/cathouse_$name"-*.whl; shift; done
touch /before
# Not `sync`: nothing that is shared may go or change.
uv pip install --quiet --compile-bytecode --only-binary :all: --require-hashes -r "$requirements"
uv pip install --quiet --compile-bytecode --no-deps "$@"
mkdir /layer
# By the time of change, which no installer sets.
find "$VIRTUAL_ENV" ! -type d -cnewer /before -print0 | tar --create --null --files-from=- | tar --extract --directory=/layer
