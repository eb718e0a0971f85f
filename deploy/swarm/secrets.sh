#!/bin/sh
# secrets.sh [FOLDER]: copy the secrets in FOLDER (default: secrets) to the swarm, as version SECRETS_VERSION (default:
# 1). Secrets of a swarm cannot change: give a new secret a new version. The next deployment updates one replica after
# the other. A second run adds the secrets that are missing, and keeps those that exist.
set -eu
folder=${1:-secrets}
[ -d "$folder" ] || { echo "$folder does not exist. To create it: docker compose run --rm secrets" >&2; exit 1; }
for file in "$folder"/service_token "$folder"/*/*; do
  name=$(echo "${file#"$folder"/}" | tr / _)
  secret=cathouse_${name}_${SECRETS_VERSION:-1}
  if docker secret inspect "$secret" >/dev/null 2>&1; then
    echo "$secret: exists, kept"
  else
    docker secret create "$secret" "$file" >/dev/null
    echo "$secret: created"
  fi
done
