#!/usr/bin/env bash
# publish.sh REGISTRY/ VERSION [FOLDER [SUFFIX]]: push every image in a folder of `nix build .#images` or of save.sh to
# a registry, with its bill of materials. The tag is VERSION and SUFFIX. It prints the name of each image with its
# digest, one a line. It needs skopeo and oras, but no Docker. Log in first with `docker login`, whose credentials both
# read.
set -euo pipefail

if [ $# -lt 2 ] || [[ $1 != */ ]]; then
  echo "publish: give a registry and a tag: images/publish.sh registry.example.com/cathouse/ 0.2.0" >&2
  exit 64
fi
registry=$1 version=$2 folder=${3:-result} suffix=${4:-}
for program in skopeo oras; do
  command -v "$program" >/dev/null || {
    echo "publish: $program is not on the PATH: nix shell --inputs-from . nixpkgs#$program" >&2
    exit 69
  }
done
if ! grep -q "^## $version, " "$(dirname "$0")/../docs/openapi/CHANGELOG.md"; then
  echo "publish: docs/openapi/CHANGELOG.md has no version $version: run make release VERSION=$version first, and commit it" >&2
  exit 65
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$folder"
for tarball in *.tar.gz; do
  name=${tarball%.tar.gz}
  repository=${registry}cathouse-$name
  image=$repository:$version$suffix
  # Unpack first, because some versions of skopeo cannot read a compressed archive.
  gunzip --stdout "$tarball" >"$work/image.tar"
  skopeo copy --quiet --digestfile "$work/digest" "docker-archive:$work/image.tar" "docker://$image" >&2
  oras attach --no-tty --artifact-type application/vnd.cyclonedx+json \
    "$image" "$name.cdx.json:application/vnd.cyclonedx+json" >&2
  echo "$repository@$(cat "$work/digest")"
done
