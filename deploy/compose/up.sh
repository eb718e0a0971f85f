#!/bin/sh
# up.sh [--build]: start Cat House, or update what runs. --build builds the images from this folder first.
#
# It creates the secrets if there are none. Then it starts PostgreSQL, migrates the database, and starts everything else.
# Of services that run already, it replaces those that changed, one after the other. Two new replicas start and become
# healthy. Then the old ones complete their requests and stop. So an update refuses no request.
#
# If something does not become healthy, it prints the reason, and stops all that it started. Containers that ran before,
# and the data, stay as they are.
set -u
cd "$(dirname "$0")/../.." || exit 1
# services.toml: begin services
services="auth catalog installation proxy"
# services.toml: end services
case "$*" in '' | --build) ;; *) echo 'usage: up.sh [--build]' >&2; exit 64 ;; esac

before=$(docker compose ps --quiet --status running) || exit 1
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

fail() {
  echo 'Cat House did not start:' >&2
  # Docker's last line has the reason. For a container that failed, print its last log line too.
  grep -v '^ *$' "$output" | tail -n 1 >&2
  for container in $(docker compose ps --all --quiet); do
    # shellcheck disable=SC2046 # the words of the answer are wanted
    set -- $(docker inspect --format \
      '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}} {{.HostConfig.Memory}}' \
      "$container")
    [ $# -eq 6 ] || continue # the container is gone, and docker's output says so
    if [ "$4" = true ]; then
      echo "$1: killed, as its memory limit of $(($6 / 1048576)) MB is too small" >&2
    elif [ "$2" != created ] && { [ "$3" -ne 0 ] || [ "$5" -gt 0 ]; }; then
      echo "$1: exit $3: $(docker logs --tail 1 "$container" 2>&1)" >&2
    fi
  done
  if [ -z "$before" ]; then
    docker compose down >/dev/null 2>&1
    echo 'All containers are stopped. The data is kept.' >&2
  else
    echo 'Containers that ran before still run. To list them: docker compose ps' >&2
  fi
  exit 1
}

up() { # OPTION... [SERVICE...]: containers of the images that are here; an unknown tag is an error
  docker compose --progress plain up --detach --no-build "$@" >"$output" 2>&1
}

checksum() {
  cksum | tr ' ' -
}

# Compose has a checksum of its own. In some versions it includes the number of replicas and the options of the command.
# Then a replica that this script created would count as changed.
revision() { # SERVICE: print a checksum of its configuration and its image
  image=$(docker compose config --images "$1" | grep "cathouse-$1:")
  { docker compose config --hash "$1"; docker image inspect --format '{{.Id}}' "$image" 2>/dev/null; } | checksum
}

replace() { # SERVICE OLD...: start as many new replicas, and stop the old ones when the new ones are healthy
  service=$1
  shift
  running=$(docker compose ps --quiet "$service")
  new=$(($(echo "$running" | wc -l) - $#))
  if ! up --wait --wait-timeout 180 --no-deps --no-recreate --scale "$service=$(($# + (new > $# ? new : $#)))" "$service"; then
    for container in $(docker compose ps --all --quiet "$service"); do
      case $running in *"$container"*) continue ;; esac
      echo "$service: $(docker logs --tail 1 "$container" 2>&1)" >>"$output"
      docker rm --force "$container" >/dev/null
    done
    fail
  fi
  docker stop "$@" >/dev/null && docker rm "$@" >/dev/null
}

if [ $# -gt 0 ]; then
  docker compose build >&2 || exit 1
fi
if [ ! -e secrets/service_token ] && ! docker compose run --rm secrets; then
  echo 'The secrets could not be created. If the images are missing, build them: deploy/compose/up.sh --build' >&2
  exit 1
fi

# The ports of the gateway are tried first, so that a taken one is named before anything starts.
if [ -z "$before" ]; then
  docker compose run --rm --no-deps --service-ports gateway caddy version >"$output" 2>&1 || fail
fi
up --wait --wait-timeout 180 postgres || fail
up migrate || fail
status=$(docker wait "$(docker compose ps --all --quiet migrate)")
[ "$status" = 0 ] || { echo "service \"migrate\" didn't complete successfully: exit $status" >"$output"; fail; }

for service in $services; do
  docker compose rm --force "$service" >/dev/null 2>&1 # those that do not run
  wanted=$(revision "$service")
  export "$(echo "$service" | tr a-z A-Z)_REVISION=$wanted"
  old=$(docker compose ps --format '{{.ID}} {{.Label "cathouse.revision"}}' "$service" | grep -v " $wanted\$" | cut -d ' ' -f 1)
  # shellcheck disable=SC2086 # one word a container
  [ -z "$old" ] || replace "$service" $old
done

GATEWAY_REVISION=$(cat deploy/gateway/Caddyfile deploy/gateway/site/* | checksum)
export GATEWAY_REVISION
others=$(docker compose config --services | grep -vxE "$(echo "$services roles migrate" | tr ' ' '|')")
# All start before the first wait, because a container counts as healthy 10 seconds after its start at the earliest.
# shellcheck disable=SC2086 # one word a service
{
  up --no-deps --no-recreate $services &&
    up --wait --wait-timeout 180 --no-deps $others &&
    up --wait --wait-timeout 180 --no-deps --no-recreate $services
} || fail
docker compose ps
