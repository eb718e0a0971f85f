#!/bin/sh
# install_service.sh NAME...: install these packages of the project and their dependencies. It copies the files that
# this adds to the virtual environment into /layer. So images share the layer below.
set -eu
for name; do
  set -- "$@" "/wheels/cathouse_$name"-*.whl
  shift
done
touch /before
printf '%s\n' "$@" >/added.in
install.sh /added.in
uv pip install --quiet --compile-bytecode --no-deps "$@"
remove_programs.sh
mkdir /layer
# Finds new files by their ctime, because installers cannot set that.
find "$VIRTUAL_ENV" ! -type d -cnewer /before -print0 | tar --create --null --files-from=- | tar --extract --directory=/layer
