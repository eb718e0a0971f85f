# What is given is given to make: PORT_OFFSET=100.
ready() {
  make --silent status "$@" >/dev/null 2>&1
}

if ! ready "$@"; then
  make up "$@" &
  stack=$!
  trap 'make down >/dev/null; wait "$stack"' EXIT
  until ready "$@"; do
    kill -0 "$stack" 2>/dev/null || exit 1
    sleep 0.5
  done
fi
make demo "$@"
