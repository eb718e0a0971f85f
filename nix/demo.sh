# The arguments go to make, such as PORT_OFFSET=100.
ready() {
  make --silent status "$@" >/dev/null 2>&1
}

if ! ready "$@"; then
  log=$(mktemp)
  echo "Starting the stack; its output goes to $log" >&2
  make up "$@" >"$log" 2>&1 &
  stack=$!
  trap 'if kill -0 "$stack" 2>/dev/null; then make down >/dev/null; wait "$stack"; fi' EXIT
  until ready "$@"; do
    kill -0 "$stack" 2>/dev/null || { cat "$log" >&2; exit 1; }
    if [ "$SECONDS" -ge 300 ]; then
      make status "$@" >&2 || true
      echo "demo: the stack is not ready after 5 minutes; $log has its output" >&2
      exit 1
    fi
    sleep 0.5
  done
fi
make demo "$@"
