#!/bin/sh
# deploy.sh TAG: roles, migrations, then the services, each only when the one before succeeded. Ends with 0 when every service runs
# TAG, and with 1 and a message when a one-shot failed, the swarm took an update back, or a service is not up in time.
#
# From the environment: STACK (cathouse); STACK_FILES (ingress.yaml), the files that come with services.yaml; DATABASE_FILE, which is
# database.yaml for a PostgreSQL in the swarm; and what the files name: CATHOUSE_REGISTRY, DATABASE_NETWORK_INTERNAL,
# FORWARDED_ALLOW_IPS, RATE_LIMIT_STORAGE, REPLICAS, SECRETS_VERSION. WAIT_SECONDS (900) is how long the services may take, together.
set -eu
cd "$(dirname "$0")"
export CATHOUSE_TAG="${1:?usage: deploy.sh TAG}"
stack=${STACK:-cathouse}
CATHOUSE_RUN=$(date +%s)
export CATHOUSE_RUN

deploy() { # FILE...
  arguments=
  for file; do arguments="$arguments --compose-file $file"; done
  docker stack deploy --detach=true --with-registry-auth $arguments "$stack" >/dev/null
}

one_shot() { # NAME
  for _ in $(seq 240); do
    state=$(docker service ps --format '{{.CurrentState}} {{.Error}}' "${stack}_$1" | head -n 1)
    case $state in
      Complete*) echo "$1: done"; return ;;
      Failed* | Rejected*) docker service logs --raw --tail 3 "${stack}_$1" >&2; echo "$1 failed, and nothing else was changed: $state" >&2; exit 1 ;;
    esac
    sleep 0.5
  done
  echo "$1 did not end: ${state:-it was not started}" >&2
  exit 1
}

[ -z "${DATABASE_FILE:-}" ] || deploy "$DATABASE_FILE"
ROLES=1 deploy jobs.yaml
one_shot roles
MIGRATE=1 deploy jobs.yaml
one_shot migrate

replicas_of() { # SERVICE: 2/3, say. A filter by name would also find every service whose name begins so.
  docker service ls --format '{{.Name}} {{.Replicas}}' | awk -v name="$1" '$1 == name { print $2 }'
}

deploy services.yaml ${STACK_FILES-ingress.yaml}
failed=0
deadline=$(($(date +%s) + ${WAIT_SECONDS:-900}))
for service in $(docker stack services --format '{{.Name}}' "$stack"); do
  case $service in "${stack}_roles" | "${stack}_migrate") continue ;; esac
  while true; do
    state=$(docker service inspect --format '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}' "$service")
    replicas=$(replicas_of "$service")
    case $state in
      rollback_completed | rollback_paused | paused)
        echo "$service: $(docker service inspect --format '{{.UpdateStatus.Message}}' "$service")" >&2
        docker service ps --no-trunc --filter desired-state=shutdown --format '{{.Image}}: {{.CurrentState}} {{.Error}}' "$service" | head -n 1 >&2
        failed=1
        break ;;
      completed | '') [ "${replicas%/*}" = "${replicas#*/}" ] && break ;;
    esac
    if [ "$(date +%s)" -ge "$deadline" ]; then
      echo "$service is not up after ${WAIT_SECONDS:-900} s, and the swarm goes on trying; the last errors of its replicas:" >&2
      docker service ps --no-trunc --format '{{.Name}}: {{.CurrentState}} {{.Error}}' "$service" | head -n 3 >&2
      failed=1
      break
    fi
    sleep 1
  done
  echo "$service: $replicas"
done
exit $failed
