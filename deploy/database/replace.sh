#!/usr/bin/env bash
# replace.sh FILE COMMAND...: replace the database by a backup, in one transaction. COMMAND runs a program beside
# PostgreSQL, as in `docker compose exec -T postgres`. The scripts named restore.sh use it.
set -euo pipefail
file=$1
shift

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
  "$@" pg_restore --clean --if-exists --file=- <"$file"
  # Not --single-transaction: if pg_restore fails, that would commit the part that was written before.
  echo 'COMMIT;'
}
statements "$@" | "$@" psql --username=postgres --dbname=cathouse --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file=- >/dev/null
