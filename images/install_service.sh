#!/bin/sh
# install_service.sh NAME...: installs these packages of the project's own and what they need, and leaves in /layer the files that this added to
# the virtual environment, so that an image holds what it shares with others in a layer of its own.
set -eu
for name; do
  set -- "$@" "/wheels/cathouse_$name"-*.whl
  shift
done
touch /before
printf '%s\n' "$@" >/added.in
install.sh /added.in
uv pip install --quiet --compile-bytecode --no-deps "$@"
mkdir /layer
# By the time of change, which no installer sets.
find "$VIRTUAL_ENV" ! -type d -cnewer /before -print0 | tar --create --null --files-from=- | tar --extract --directory=/layer
