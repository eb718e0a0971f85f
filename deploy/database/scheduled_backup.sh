#!/bin/sh
# The service `backup` of Compose and Swarm runs this script: a backup of the whole database each day, in the folder BACKUPS.
# The argument `once` writes one now and ends.
#
# A backup has its name only when it is complete and was read back. Only then, backups that are older than KEEP_DAYS days
# are deleted, and backup.prom records the success for node exporter's textfile collector. libpq's variables (PGHOST …)
# name the server, and PASSWORD_FILE has the password, because other users of the machine can read arguments.
set -u
umask 077
PGPASSWORD=$(cat "$PASSWORD_FILE") || exit 1
export PGPASSWORD

back_up() {
  file=$BACKUPS/cathouse-$(date -u +%FT%H%M%SZ).dump
  pg_dump --format=custom --file="$file.partial" &&
    pg_restore --file=/dev/null "$file.partial" &&
    mv "$file.partial" "$file" || return 1
  echo "wrote $file"
  # This also deletes the files of interrupted backups.
  find "$BACKUPS" -name 'cathouse-*.dump*' -mmin "+$((KEEP_DAYS * 1440))" -delete
  echo "cathouse_last_success_timestamp_seconds{task=\"backup\"} $(date +%s)" >"$BACKUPS/backup.prom.new" &&
    chmod 644 "$BACKUPS/backup.prom.new" &&
    mv "$BACKUPS/backup.prom.new" "$BACKUPS/backup.prom"
}

if [ "${1:-}" = once ]; then
  back_up
  exit
fi
while true; do
  # After a restart, the newest backup decides. A few minutes less than a day, so that the time of day stays the same.
  if [ -z "$(find "$BACKUPS" -name 'cathouse-*.dump' -mmin -1435)" ]; then
    back_up || echo 'the backup failed; the next attempt is in 10 minutes' >&2
  fi
  sleep 600
done
