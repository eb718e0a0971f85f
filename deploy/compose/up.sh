#!/bin/sh
# Run `docker compose up --detach --wait`. If a service does not become healthy, print the reason and stop all that was
# started. Accepts the options of `docker compose up`, such as --build.
#
# Containers that ran before, and the data, stay as they are.
set -u
cd "$(dirname "$0")/../.." || exit 1

before=$(docker compose ps --quiet --status running) || exit 1
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

[ -n "$*" ] || set -- --no-build # an unknown tag is an error: do not build it
if docker compose --progress plain up --detach --wait --wait-timeout 180 "$@" >"$output" 2>&1; then
  docker compose ps
  exit 0
fi

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
