#!/usr/bin/env bash
# restore.sh FILE: replace the whole database by a backup of backup.sh, in one transaction. It stops the services. Start
# them with up.sh afterwards: that also migrates a backup of an older version.
set -euo pipefail
file=${1:?usage: restore.sh FILE}
case $file in /*) ;; *) file=$PWD/$file ;; esac
[ -r "$file" ] || { echo "$file cannot be read" >&2; exit 1; }
cd "$(dirname "$0")/../.."
docker compose up --detach --wait --no-build postgres
# A file that is not whole is found here, while the services run on.
docker compose exec -T postgres pg_restore --file=/dev/null <"$file"
# services.toml: begin services
docker compose stop auth catalog installation proxy
# services.toml: end services
docker compose run --rm roles
deploy/database/replace.sh "$file" docker compose exec -T postgres
echo "restored $file; to start the services: deploy/compose/up.sh"
