if ! make --silent status >/dev/null 2>&1; then
  make up &
  stack=$!
  trap 'make down >/dev/null; wait "$stack"' EXIT
  until make --silent status >/dev/null 2>&1; do
    kill -0 "$stack" 2>/dev/null || exit 1
    sleep 0.5
  done
fi
make demo
