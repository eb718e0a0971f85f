#!/usr/bin/env bash
# sign.sh DIGESTS FOLDER: sign each image in the file DIGESTS, which publish.sh printed, and its bill of materials in
# FOLDER. It needs cosign, and no key: the certificate names the workflow or the person that signs.
set -euo pipefail
digests=${1:?usage: sign.sh DIGESTS FOLDER} folder=${2:?usage: sign.sh DIGESTS FOLDER}
command -v cosign >/dev/null || {
  echo 'sign: cosign is not on the PATH: nix shell --inputs-from . nixpkgs#cosign' >&2
  exit 69
}
mapfile -t images <"$digests"
for image in "${images[@]}"; do
  name=${image##*/cathouse-}
  cosign sign --yes "$image"
  cosign attest --yes --type cyclonedx --predicate "$folder/${name%@*}.cdx.json" "$image"
done
