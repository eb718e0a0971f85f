# What a shell of Cat House sets, in the root of the repository and nowhere else.
if [ ! -f services.toml ] || [ ! -f process-compose.yaml ]; then
  echo "Cat House: $PWD is not the root of the repository: go there first" >&2
  exit 1
fi
# Nothing is to be installed.
export CATHOUSE_NIX=1
