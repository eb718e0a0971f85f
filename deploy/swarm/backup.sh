#!/bin/sh
# backup.sh FILE: write a consistent backup of the whole database into FILE, while the services run. FILE appears only
# when it is complete. Run it on the node that has PostgreSQL's volume. STACK (cathouse) is the name of the stack.
set -eu
file=${1:?usage: backup.sh FILE}
container=$(docker ps --quiet --filter "name=${STACK:-cathouse}_postgres\.")
[ -n "$container" ] || { echo 'PostgreSQL does not run on this node: use the node with the label cathouse.database' >&2; exit 1; }
umask 077
docker exec "$container" pg_dump --username=postgres --format=custom cathouse >"$file.partial"
docker exec --interactive "$container" pg_restore --file=/dev/null <"$file.partial"
mv "$file.partial" "$file"
