#!/usr/bin/env bash
# publish.sh REGISTRY/ TAG [FOLDER]: push every image in a folder of `nix build .#images` to a registry, with its bill
# of materials. It needs skopeo and oras, but no Docker. Log in first with `docker login`, whose credentials both read.
set -euo pipefail

if [ $# -lt 2 ] || [[ $1 != */ ]]; then
  echo "publish: give a registry and a tag: images/publish.sh registry.example.com/cathouse/ 0.2.0" >&2
  exit 64
fi
registry=$1 tag=$2 folder=${3:-result}
for program in skopeo oras; do
  command -v "$program" >/dev/null || {
    echo "publish: $program is not on the PATH: nix shell --inputs-from . nixpkgs#$program" >&2
    exit 69
  }
done
if ! grep -q "^## $tag, " "$(dirname "$0")/../docs/openapi/CHANGELOG.md"; then
  echo "publish: docs/openapi/CHANGELOG.md has no version $tag: run make release VERSION=$tag first, and commit it" >&2
  exit 65
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$folder"
for tarball in *.tar.gz; do
  name=${tarball%.tar.gz}
  image=${registry}cathouse-$name:$tag
  # Unpack first, because some versions of skopeo cannot read a compressed archive.
  gunzip --stdout "$tarball" >"$work/image.tar"
  skopeo copy --quiet "docker-archive:$work/image.tar" "docker://$image"
  oras attach --no-tty --artifact-type application/vnd.cyclonedx+json \
    "$image" "$name.cdx.json:application/vnd.cyclonedx+json"
done
