#!/bin/sh
# backup.sh FILE: the whole database, as one consistent moment, into FILE; the services run on. FILE is there only when it is whole.
set -eu
file=${1:?usage: backup.sh FILE}
case $file in /*) ;; *) file=$PWD/$file ;; esac
cd "$(dirname "$0")/../.."
umask 077
docker compose exec -T postgres pg_dump --username=postgres --format=custom cathouse >"$file.partial"
docker compose exec -T postgres pg_restore --list <"$file.partial" >/dev/null
mv "$file.partial" "$file"
