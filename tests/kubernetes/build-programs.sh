#!/usr/bin/env bash
# build-programs.sh: build Kubernetes' programs, kustomize and etcd, and copy the operators' definitions of their kinds.
# build-programs.sh --node: build kubelet and kube-proxy too, for tests/containers/kubelet.
# build-programs.sh --folder: print the folder of all of these, and build nothing. The status is 0 if they are complete.
#
# The folder is kept between runs, and a program that is in it is not built again. The API server takes 6 to 30 minutes,
# everything else 10. Go's build cache grows by 5 GB. All sources come from the proxy of Go modules, so that a machine
# needs nothing but Go.
set -euo pipefail

kubernetes=1.37.2
etcd=v3.6.7
definitions=(
  "sigs.k8s.io/gateway-api@v1.6.0 config/crd/standard gateway.networking.k8s.io_gateways.yaml gateway.networking.k8s.io_httproutes.yaml"
  "github.com/cloudnative-pg/cloudnative-pg@v1.30.0 config/crd/bases postgresql.cnpg.io_clusters.yaml"
  "github.com/prometheus-operator/prometheus-operator@v0.88.0 example/prometheus-operator-crd
    monitoring.coreos.com_podmonitors.yaml monitoring.coreos.com_prometheusrules.yaml"
)
# The name changes with each version above, so that nothing old is used.
folder=${XDG_CACHE_HOME:-$HOME/.cache}/cat-house/kubernetes-$(echo "$kubernetes $etcd ${definitions[*]}" | cksum | cut -d' ' -f1)
minor=${kubernetes#*.}

if [ "${1:-}" = --folder ]; then
  echo "$folder"
  [ -e "$folder/complete" ] && exit
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder/definitions" "$work/kubernetes" "$work/etcd"
export CGO_ENABLED=0 GOFLAGS="-buildvcs=false -mod=mod"

# build NAME PACKAGE LINKER_FLAGS: build a program, unless it is there. It gets its name when it is whole.
build() {
  local began=$SECONDS
  if [ ! -x "$folder/$1" ]; then
    go build -ldflags "-s -w $3" -o "$folder/$1.partial" "$2"
    mv "$folder/$1.partial" "$folder/$1"
    echo "$1: built in $((SECONDS - began)) s"
  fi
}

# download MODULE@VERSION FIELD: download a module, and print a field of its description.
download() {
  go mod download -json "$1" | sed -n "s/^\t\"$2\": \"\(.*\)\",\$/\1/p"
}

for each in "${definitions[@]}"; do
  read -r -d '' -a words <<<"$each" || true # `read` ends at the end of its input, which is no failure here
  source=$(cd "$work" && download "${words[0]}" Dir)
  for file in "${words[@]:2}"; do install -m 644 "$source/${words[1]}/$file" "$folder/definitions"; done
done

# A module of its own requires Kubernetes. Its go.mod replaces parts by folders, which the proxy has as modules.
cd "$work/kubernetes"
go mod init programs 2>/dev/null
go mod edit -require="k8s.io/kubernetes@v$kubernetes"
sed -n 's#^\t\(k8s.io/[a-z-]*\) => ./staging/.*#\1#p' "$(download "k8s.io/kubernetes@v$kubernetes" GoMod)" | while read -r part; do
  go mod edit -replace="$part=$part@v0.$minor"
done
version=k8s.io/component-base/version
programs=(kube-apiserver kube-controller-manager kube-scheduler kubectl)
[ "${1:-}" != --node ] || programs+=(kubelet kube-proxy)
for program in "${programs[@]}"; do
  build "$program" "k8s.io/kubernetes/cmd/$program" \
    "-X $version.gitMajor=1 -X $version.gitMinor=${minor%.*} -X $version.gitVersion=v$kubernetes"
done
build kustomize sigs.k8s.io/kustomize/kustomize/v5 "" # the version that kubectl contains

cd "$work/etcd"
go mod init programs 2>/dev/null
go mod edit -require="go.etcd.io/etcd/server/v3@$etcd"
build etcd go.etcd.io/etcd/server/v3 ""

touch "$folder/complete"
