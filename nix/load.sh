for engine in docker podman none; do
  command -v "$engine" >/dev/null && break
done
if [ "$engine" = none ]; then
  echo "load: neither docker nor podman is on the PATH: install one of them" >&2
  exit 1
fi
if [ $# -eq 0 ]; then
  set -- "${!streams[@]}"
fi
for name; do
  if [ -z "${streams[$name]:-}" ]; then
    echo "load: there is no image $name: the images are ${!streams[*]}" >&2
    exit 1
  fi
done
for name; do
  # The stream prints a line for each layer, which is useful only if it fails.
  { log=$("${streams[$name]}" 2>&1 >&3) || { echo "load: the image $name could not be streamed: $log" >&2; exit 1; }; } 3>&1 |
    "$engine" load
done
