#!/usr/bin/env bash
# restore.sh FILE: replace the whole database by a backup of backup.sh, in one transaction. It stops the services. Start
# them with deploy.sh afterwards: that also migrates a backup of an older version.
#
# Run it on a manager that has PostgreSQL's volume. STACK (cathouse) is the name of the stack. In a new swarm, run
# deploy.sh first: it creates the database roles.
set -euo pipefail
file=${1:?usage: restore.sh FILE}
stack=${STACK:-cathouse}
[ -r "$file" ] || { echo "$file cannot be read" >&2; exit 1; }
container=$(docker ps --quiet --filter "name=${stack}_postgres\.")
[ -n "$container" ] || { echo 'PostgreSQL does not run on this node: use the node with the label cathouse.database' >&2; exit 1; }
# A file that is not whole is found here, while the services run on.
docker exec --interactive "$container" pg_restore --file=/dev/null <"$file"
# services.toml: begin services
docker service scale "${stack}_auth=0" "${stack}_catalog=0" "${stack}_installation=0" "${stack}_proxy=0" >/dev/null
# services.toml: end services
"$(dirname "$0")/../database/replace.sh" "$file" docker exec --interactive "$container"
echo "restored $file; to start the services: deploy/swarm/deploy.sh TAG"
