# What `nix flake check` runs. Documentation is in none of it, nor are the commit and its date.
{
  pkgs,
  development,
  images,
  shell,
}:
let
  inherit (pkgs) lib;
  inherit (development) project;

  withExtension = extension: lib.fileset.fileFilter (file: file.hasExt extension);

  # The repository without what people read and what Nix reads.
  sources = lib.fileset.toSource {
    inherit (project) root;
    fileset = lib.fileset.difference project.root (
      lib.fileset.unions [
        (withExtension "md" project.root)
        (withExtension "nix" project.root)
        (lib.fileset.maybeMissing (project.root + "/docs"))
      ]
    );
  };

  nixFiles = lib.fileset.toSource {
    inherit (project) root;
    fileset = withExtension "nix" project.root;
  };

  # Words of the Makefile in a copy of the sources, with what the shell has.
  words =
    name: script:
    pkgs.runCommand "cat-house-${name}"
      {
        nativeBuildInputs = development.stackTools ++ [ development.python.tested ];
        # A server of their own, on the loopback interface.
        __darwinAllowLocalNetworking = true;
      }
      ''
        cp -r ${sources} "$TMPDIR/cat-house"
        chmod -R u+w "$TMPDIR/cat-house"
        cd "$TMPDIR/cat-house"
        find . -name pyproject.toml -execdir touch README.md \;
        export HOME=$TMPDIR CATHOUSE_NIX=1
        # It leads nowhere, so that builds trust nobody; clients do not even start with it.
        unset SSL_CERT_FILE
        ${script}
        touch $out
      '';
in
{
  inherit shell;

  # Tests of the documentation's own claims are `make test`'s, and so are those of what root meets on a machine with accounts.
  tests = words "tests" ''
    export PYTEST_ADDOPTS='-m "not documentation" --ignore=tools/postgres/tests/test_running_as_root.py ${lib.concatStringsSep " " development.python.pytestOptions}'
    make test
  '';
  stack = words "stack" "PROCESS_COMPOSE=process-compose python -m pytest -q tests/stack";
  lint = words "lint" "make check";
  process-compose = words "process-compose" ''
    process-compose --dry-run --disable-dotenv --config process-compose.yaml
  '';

  nix = pkgs.runCommand "cat-house-nix" { nativeBuildInputs = development.linters; } ''
    cd ${nixFiles}
    find . -name '*.nix' -exec nixfmt --check {} +
    statix check .
    deadnix --fail .
    touch $out
  '';

  workflows = pkgs.runCommand "cat-house-workflows" { nativeBuildInputs = [ pkgs.actionlint ]; } ''
    actionlint ${project.root + "/.github/workflows"}/*.yaml
    touch $out
  '';

  pins =
    let
      revision = (lib.importJSON ../flake.lock).nodes.nixpkgs.locked.rev;
    in
    lib.throwIfNot
      (lib.hasInfix "github:NixOS/nixpkgs/${revision}\n" (builtins.readFile ../devenv.yaml))
      "devenv.yaml pins another nixpkgs than flake.lock: write github:NixOS/nixpkgs/${revision} there"
      (pkgs.runCommand "cat-house-pins" { } "touch $out");
}
// lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
  images = pkgs.runCommand "cat-house-images" { } ''
    ${pkgs.python3.interpreter} ${./check_images.py} ${
      lib.escapeShellArgs (lib.mapAttrsToList (name: image: "${name}=${image.conf}") images.byName)
    }
    touch $out
  '';
}
