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

# pg_restore drops only objects that the backup has. That fails if newer objects depend on them, such as a table of a
# later migration. So all schemas are dropped first, except those of extensions.
statements() {
  cat <<'SQL'
BEGIN;
SET client_min_messages = warning;
DO $$
DECLARE name text;
BEGIN
  FOR name IN
    SELECT nspname FROM pg_namespace n
    WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND objid = n.oid AND deptype = 'e')
  LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', name);
  END LOOP;
END $$;
SQL
  docker compose exec -T postgres pg_restore --clean --if-exists --file=- <"$file"
  # Not --single-transaction: if pg_restore fails, that would commit the part that was written before.
  echo 'COMMIT;'
}
statements | docker compose exec -T postgres \
  psql --username=postgres --dbname=cathouse --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file=- >/dev/null
echo "restored $file; to start the services: deploy/compose/up.sh"
