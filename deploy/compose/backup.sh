#!/bin/sh
# backup.sh FILE: write a consistent backup of the whole database into FILE, while the services run. FILE appears only
# when it is complete.
set -eu
file=${1:?usage: backup.sh FILE}
case $file in /*) ;; *) file=$PWD/$file ;; esac
cd "$(dirname "$0")/../.."
umask 077
docker compose exec -T postgres pg_dump --username=postgres --format=custom cathouse >"$file.partial"
docker compose exec -T postgres pg_restore --file=/dev/null <"$file.partial"
mv "$file.partial" "$file"
