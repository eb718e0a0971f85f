# The checks of `nix flake check`. Only `lint` depends on pages of documentation, and none depends on the commit or its date.
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

  # The repository without Markdown and Nix files. Tests read the descriptions in docs/openapi.
  sources = lib.fileset.toSource {
    inherit (project) root;
    fileset = lib.fileset.difference project.root (
      lib.fileset.unions [
        (withExtension "md" project.root)
        (withExtension "nix" project.root)
      ]
    );
  };

  everything = lib.fileset.toSource {
    inherit (project) root;
    fileset = project.root;
  };

  nixFiles = lib.fileset.toSource {
    inherit (project) root;
    fileset = withExtension "nix" project.root;
  };

  # Runs commands of the Makefile in a copy of the sources. tests/nix/sandbox.py runs the same scripts inside Nix's
  # sandbox, with these programs only.
  commands =
    src: name: script:
    pkgs.runCommand "cat-house-${name}"
      {
        nativeBuildInputs =
          development.stackTools ++ development.testTools ++ [ development.python.tested ];
        inherit src;
        # The tests start servers on the loopback interface.
        __darwinAllowLocalNetworking = true;
      }
      ''
        cp -r $src "$TMPDIR/cat-house"
        chmod -R u+w "$TMPDIR/cat-house"
        cd "$TMPDIR/cat-house"
        find . -name pyproject.toml -execdir touch README.md \;
        export CATHOUSE_NIX=1
        # stdenv sets this to a file that does not exist, and HTTP clients then refuse to start.
        unset SSL_CERT_FILE
        ${script}
        touch $out
      '';
in
{
  inherit shell;

  # Left out: tests of the documentation, and tests that root runs on a machine with several users. `make test` runs
  # them.
  tests = commands sources "tests" ''
    export PYTEST_ADDOPTS='-m "not documentation" --ignore=tools/postgres/tests/test_running_as_root.py ${lib.concatStringsSep " " development.python.pytestOptions}'
    make test
  '';
  stack = commands sources "stack" "PROCESS_COMPOSE=process-compose python -m pytest -q tests/stack";
  lint = commands everything "lint" "make check prose";
  process-compose = commands sources "process-compose" ''
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
      locked = file: name: (lib.importJSON file).nodes.${name}.locked;
      differing = lib.filter (name: locked ../flake.lock name != locked ../devenv.lock name) [
        "nixpkgs"
        "pyproject-nix"
      ];
    in
    lib.throwIf (differing != [ ])
      "devenv.lock pins another ${lib.head differing} than flake.lock: run nix/update-locks --no-fetch"
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
