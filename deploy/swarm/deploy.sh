#!/bin/sh
# deploy.sh TAG: run roles, then migrations, then the services. A failure ends the deployment.
# The status is 0 when every service runs TAG. It is 1, with a message, if a job failed or a service is not up in time.
# It is also 1 if the swarm rolled an update back.
#
# It reads these variables of the environment, with their defaults:
#   STACK          (cathouse) the name of the stack
#   STACK_FILES    ("valkey.yaml gateway.yaml") files to deploy together with services.yaml
#   DATABASE_FILE  database.yaml for a PostgreSQL in the swarm
#   WAIT_SECONDS   (900) the time limit for all services together
# docs/how-to/deploy-with-swarm.md lists the variables that the files read.
set -eu
cd "$(dirname "$0")"
export CATHOUSE_TAG="${1:?usage: deploy.sh TAG}"
stack=${STACK:-cathouse}
CATHOUSE_RUN=$(date +%s)
GATEWAY_REVISION=$(cat ../gateway/Caddyfile ../gateway/site/* | cksum | tr ' ' -)
PROMETHEUS_REVISION=$(cat ../prometheus/swarm.yaml ../prometheus/rules.yaml | cksum | tr ' ' -)
BACKUP_REVISION=$(cksum <../database/scheduled_backup.sh | tr ' ' -)
POSTGRES_IS_OURS=${POSTGRES_IS_OURS:-$([ -z "${DATABASE_FILE:-}" ] || echo true)}
export CATHOUSE_RUN GATEWAY_REVISION PROMETHEUS_REVISION BACKUP_REVISION POSTGRES_IS_OURS

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
      Failed* | Rejected*) docker service logs --raw --tail 3 "${stack}_$1" >&2; echo "$1 failed, so the services were not changed: $state" >&2; exit 1 ;;
    esac
    sleep 0.5
  done
  echo "$1 did not end: ${state:-it was not started}" >&2
  exit 1
}

files=${STACK_FILES-valkey.yaml gateway.yaml}
case " $files " in
  *" gateway.yaml "*)
    [ -n "$(docker node ls --quiet --filter node.label=cathouse.gateway=true)" ] || {
      echo 'no node publishes the gateway: docker node update --label-add cathouse.gateway=true NODE' >&2
      exit 1
    } ;;
esac
[ -z "${DATABASE_FILE:-}" ] || deploy "$DATABASE_FILE"
ROLES=1 deploy jobs.yaml
one_shot roles
MIGRATE=1 deploy jobs.yaml
one_shot migrate

replicas_of() { # Print the replicas of a SERVICE, such as 2/3. Not a filter by name: that would find longer names too.
  docker service ls --format '{{.Name}} {{.Replicas}}' | awk -v name="$1" '$1 == name { print $2 }'
}

deploy services.yaml $files
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
      echo "$service is not up after ${WAIT_SECONDS:-900} s. The swarm still tries to start it. The last errors of its replicas:" >&2
      docker service ps --no-trunc --format '{{.Name}}: {{.CurrentState}} {{.Error}}' "$service" | head -n 3 >&2
      failed=1
      break
    fi
    sleep 1
  done
  echo "$service: $replicas"
done
exit $failed
