#!/bin/sh
# secrets.sh [FOLDER]: copy the secrets in FOLDER (default: secrets) to the swarm, as version SECRETS_VERSION (default:
# 1). Secrets of a swarm cannot change: give a new secret a new version. The next deployment updates one replica after
# the other.
set -eu
folder=${1:-secrets}
[ -d "$folder" ] || { echo "$folder does not exist. To create it: docker compose run --rm secrets" >&2; exit 1; }
for file in "$folder"/service_token "$folder"/*/*; do
  name=$(echo "${file#"$folder"/}" | tr / _)
  docker secret create "cathouse_${name}_${SECRETS_VERSION:-1}" "$file" >/dev/null
  echo "cathouse_${name}_${SECRETS_VERSION:-1}"
done
