#!/usr/bin/env bash
# restore.sh FILE: replaces what is in the database by what backup.sh put into FILE, all of it or nothing. The services are stopped
# for it, and started by up.sh afterwards, which also migrates a backup of an older version.
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

# pg_restore drops what the backup holds, and is refused where something newer depends on that, such as a table of a later migration.
# So the schemas go whole, first, but for those that belong to an extension.
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
  # Not --single-transaction: that commits whatever came before the end of the input, even where pg_restore failed.
  echo 'COMMIT;'
}
statements | docker compose exec -T postgres \
  psql --username=postgres --dbname=cathouse --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file=- >/dev/null
echo "restored $file; deploy/compose/up.sh starts the services"
