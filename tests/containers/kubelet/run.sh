#!/usr/bin/env bash
# run.sh: deploy staging to a real kubelet on this machine, update it, roll it back, and take PostgreSQL away for a
# while, under load. Print the seconds, requests and restarts of each step. The status is 0 if it went well.
#
# It needs root, Debian, `make install`, Go at the first time, and a Docker engine, which builds the images. On bare
# Debian, `eval "$(tests/containers/start-docker.sh FOLDER)"` starts one.
#
# Processes, mounts and the network are in namespaces of their own. The kernel removes all of them together with their
# first process, however a run ends.
set -euo pipefail
cd "$(dirname "$0")/../../.."
folder=$(mktemp -d)
trap cleanup EXIT
trap 'exit 130' INT TERM

cleanup() {
  # End the first process in the namespaces. Its parent ends when all the others have ended.
  [ -z "${machine:-}" ] || pkill -TERM --parent "$machine" || true
  wait
  # Namespaces do not own cgroups.
  find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} \;
  rm -rf "$folder"
}

install_programs() {
  local missing=()
  command -v containerd >/dev/null || missing+=(containerd runc)
  command -v iptables >/dev/null || missing+=(iptables)
  command -v dnsmasq >/dev/null || missing+=(dnsmasq-base)
  [ -e /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
  [ ${#missing[@]} -eq 0 ] ||
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null; }
  tests/kubernetes/build-programs.sh --node
}

# Write the images into a file, because there is no registry that kubelet could pull them from.
save_images() {
  local names postgres=${POSTGRES_IMAGE:-postgres:18}
  names=$(.venv/bin/python -c 'from tests.containers.engine import NAMES; print(*NAMES, "migrate")')
  # shellcheck disable=SC2086 # the words are wanted
  [ -n "${CATHOUSE_TAG:-}" ] || docker compose build --quiet $names
  for each in $names; do docker tag "cathouse-$each:${CATHOUSE_TAG:-dev}" "cathouse-test/$each"; done
  docker tag "$postgres" cathouse-test/postgres
  docker tag "${VALKEY_IMAGE:-valkey/valkey:8}" cathouse-test/valkey
  # Each Pod has a container that only waits.
  printf 'FROM %s\nENTRYPOINT ["sleep", "infinity"]\n' "$postgres" | docker build --quiet --tag cathouse-test/pause - >/dev/null
  # shellcheck disable=SC2046 # the words are wanted
  docker save --output "$folder/images.tar" $(printf 'cathouse-test/%s ' $names postgres valkey pause)
}

# Make a machine of these namespaces, with one network device, and run the rest in it.
run_in_machine() {
  trap 'exit 130' TERM
  mkdir "$folder/lib" "$folder/sysctl"
  mount --types tmpfs tmpfs /run
  mount --types tmpfs tmpfs /var/log
  mount --bind "$folder/lib" /var/lib
  # kubelet changes these settings of the kernel. It changes copies.
  for each in kernel/{panic,panic_on_oops} kernel/keys/root_max{bytes,keys} vm/{overcommit_memory,panic_on_oom}; do
    cp "/proc/sys/$each" "$folder/sysctl/${each##*/}"
    mount --bind "$folder/sysctl/${each##*/}" "/proc/sys/$each"
  done
  ip link set lo up
  ip link add pods type bridge
  ip address add 10.244.0.1/24 dev pods
  ip link set pods up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables # for Pods that call a Service on the same bridge
  .venv/bin/python -m tests.containers.kubelet.rolling_update "$folder" &
  wait $!
}

install_programs
save_images
export folder
export -f run_in_machine
setpriv --pdeathsig=KILL unshare --mount --net --pid --fork --kill-child --mount-proc bash -euo pipefail -c run_in_machine &
machine=$!
wait "$machine"
