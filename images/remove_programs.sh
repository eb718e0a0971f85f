#!/bin/sh
# Remove the programs that libraries install into $VIRTUAL_ENV. Those of the project and Python stay.
set -eu
find "$VIRTUAL_ENV/bin" -type f ! -name 'cathouse-*' -delete
# Some wheels have modules with the permissions of a program.
find "$VIRTUAL_ENV/lib" -type f -perm /111 ! -name '*.so*' -exec chmod a-x {} +
