#!/bin/sh
# restore.sh FILE: replaces what is in the database by what backup.sh put into FILE, all of it or nothing. The services are stopped
# for it, and started by up.sh afterwards, which also migrates a backup of an older version.
set -eu
cd "$(dirname "$0")/../.."
file=${1:?usage: restore.sh FILE}
[ -r "$file" ] || { echo "$file cannot be read" >&2; exit 1; }
# services.toml: begin services
docker compose stop auth catalog installation proxy
# services.toml: end services
docker compose up --detach --wait --no-build postgres
docker compose run --rm roles
docker compose exec -T postgres pg_restore --username=postgres --dbname=cathouse --clean --if-exists --single-transaction --exit-on-error <"$file"
echo "restored $file; deploy/compose/up.sh starts the services"
