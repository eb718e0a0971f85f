#!/bin/sh
# All or nothing: `docker compose up --detach --wait`, after which either everything is healthy, or a message says what is not,
# and nothing that this start began runs on. Takes the options of `docker compose up`, such as --build.
#
# What ran before, and the data, are left as they are.
set -u
cd "$(dirname "$0")/../.." || exit 1

before=$(docker compose ps --quiet --status running) || exit 1
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

[ -n "$*" ] || set -- --no-build # an unknown tag is a mistake, not something to build
if docker compose --progress plain up --detach --wait --wait-timeout 180 "$@" >"$output" 2>&1; then
  docker compose ps
  exit 0
fi

echo 'Cat House did not start:' >&2
# The last line says what kept it; for a container that is at fault, its own last words say why.
grep -v '^ *$' "$output" | tail -n 1 >&2
for container in $(docker compose ps --all --quiet); do
  # shellcheck disable=SC2046 # the words of the answer are wanted
  set -- $(docker inspect --format \
    '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}} {{.HostConfig.Memory}}' \
    "$container")
  [ $# -eq 6 ] || continue # it is gone meanwhile, which docker has said
  if [ "$4" = true ]; then
    echo "$1: killed, as its memory limit of $(($6 / 1048576)) MB is too small" >&2
  elif [ "$2" != created ] && { [ "$3" -ne 0 ] || [ "$5" -gt 0 ]; }; then
    echo "$1: exit $3: $(docker logs --tail 1 "$container" 2>&1)" >&2
  fi
done
if [ -z "$before" ]; then
  docker compose down >/dev/null 2>&1
  echo 'Nothing of it runs; the data is kept.' >&2
else
  echo 'What ran before was left; docker compose ps shows it.' >&2
fi
exit 1
