# Set the variables that every shell of Cat House needs. It works in any folder of a clone.
CATHOUSE_ROOT=$PWD
until [ -f "$CATHOUSE_ROOT/services.toml" ] && [ -f "$CATHOUSE_ROOT/process-compose.yaml" ]; do
  if [ "$CATHOUSE_ROOT" = / ]; then
    echo "Cat House: $PWD is not in a clone of Cat House: change to your clone, then try again" >&2
    exit 1
  fi
  CATHOUSE_ROOT=$(dirname "$CATHOUSE_ROOT")
done
export CATHOUSE_ROOT
# The Makefile then installs nothing.
export CATHOUSE_NIX=1
