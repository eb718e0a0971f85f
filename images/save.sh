#!/usr/bin/env bash
# save.sh FOLDER: write the images of `docker compose build` into FOLDER, each with its bill of materials. The folder
# has the form of the result of `nix build .#images`, so that publish.sh can push it. It needs Docker and syft.
set -euo pipefail
folder=${1:?usage: save.sh FOLDER}
mkdir -p "$folder"
# Several containers have the same image, and other images are not ours.
images=$(docker compose --profile '*' config --images | grep '^cathouse-' | sort --unique)
for image in $images; do
  name=${image#cathouse-}
  name=${name%:*}
  docker save "$image" | gzip --no-name >"$folder/$name.tar.gz"
  syft scan --quiet "docker:$image" --output "cyclonedx-json=$folder/$name.cdx.json"
done
