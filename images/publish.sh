#!/usr/bin/env bash
# publish.sh REGISTRY/ TAG [FOLDER]: every image in a folder of `nix build .#images`, to a registry, with its bill of materials.
# No engine is needed: skopeo pushes, oras attaches. Log in first: skopeo and oras read what `docker login` wrote.
set -euo pipefail

if [ $# -lt 2 ] || [[ $1 != */ ]]; then
  echo "publish: say where and as what: images/publish.sh registry.example.com/cathouse/ 0.2.0" >&2
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
  echo "publish: docs/openapi/CHANGELOG.md knows no version $tag: make release VERSION=$tag, and commit it, first" >&2
  exit 65
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$folder"
for tarball in *.tar.gz; do
  name=${tarball%.tar.gz}
  image=${registry}cathouse-$name:$tag
  # Unpacked first, because some versions of skopeo read no compressed archive.
  gunzip --stdout "$tarball" >"$work/image.tar"
  skopeo copy --quiet "docker-archive:$work/image.tar" "docker://$image"
  oras attach --no-tty --artifact-type application/vnd.cyclonedx+json \
    "$image" "$name.cdx.json:application/vnd.cyclonedx+json"
done
