#!/bin/sh
# secrets.sh [FOLDER]: gives the secrets of FOLDER (secrets) to the swarm, as version SECRETS_VERSION (1). The swarm's secrets never
# change: a new one is a new version, which the next deployment uses, one replica after the other.
set -eu
folder=${1:-secrets}
[ -d "$folder" ] || { echo "$folder is not there: docker compose run --rm secrets makes it" >&2; exit 1; }
for file in "$folder"/service_token "$folder"/*/*; do
  name=$(echo "${file#"$folder"/}" | tr / _)
  docker secret create "cathouse_${name}_${SECRETS_VERSION:-1}" "$file" >/dev/null
  echo "cathouse_${name}_${SECRETS_VERSION:-1}"
done
