#!/usr/bin/env bash
# pin_bases.sh: print each image of others that compose.yaml names, with the digest that its tag has now, as variables
# of the environment: POSTGRES_IMAGE=postgres:18@sha256:…. It needs skopeo, but no Docker.
set -euo pipefail
command -v skopeo >/dev/null || {
  echo 'pin_bases: skopeo is not on the PATH: nix shell --inputs-from . nixpkgs#skopeo' >&2
  exit 69
}
grep -oE '[A-Z]+_IMAGE:-[^}]+' "$(dirname "$0")/../compose.yaml" | sort --unique | while IFS= read -r found; do
  image=${found#*:-}
  digest=$(skopeo inspect --no-tags --format '{{.Digest}}' "docker://$image")
  echo "${found%%:-*}=$image@$digest"
done
