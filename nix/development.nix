# What flake.nix and devenv.nix share: the project, its Python, and the tools of each task.
{ pkgs, inputs }:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;
  systems = import ./systems.nix;
  pyproject = inputs.pyproject-nix.lib;
  project = import ./project.nix {
    inherit lib pyproject;
    root = ../.;
  };

  python = import ./python.nix {
    inherit
      lib
      pkgs
      pyproject
      project
      ;
  };

  # What the development stack needs beside Python.
  stackTools = [
    pkgs.postgresql_18
    pkgs.process-compose
    pkgs.gnumake
  ];

  # What the tests start beside the stack. `ps` and `setsid` are not in the standard environment.
  testTools = [
    pkgs.git
    pkgs.procps
    pkgs.util-linux
    # For the tests of rate limits that replicas share.
    pkgs.valkey
    # For `make check` and `make prose`.
    pkgs.codespell
    pkgs.vale
  ];

  linters = [
    pkgs.nixfmt
    pkgs.statix
    pkgs.deadnix
  ];
in
lib.throwIfNot (lib.elem system systems.supported) (systems.refusal system) {
  inherit
    project
    python
    stackTools
    testTools
    linters
    ;

  shellPackages =
    stackTools
    ++ testTools
    ++ linters
    ++ [
      # Editable: the packages are those of the clone that the shell was entered in.
      (python.development "$CATHOUSE_ROOT")
      pkgs.uv
      # For `make hook`.
      pkgs.pre-commit
      # For `make bench`.
      pkgs.wrk
      pkgs.py-spy
      pkgs.docker-client
      pkgs.docker-compose
    ];

  shellVariables = {
    # As in the Makefile, for process-compose started by hand.
    PC_LOG_FILE = ".state/logs/process-compose.log";
    PROC_COMP_CONFIG = ".state";
    PYTEST_ADDOPTS = toString python.pytestOptions;
  };

  shellHook = builtins.readFile ./shell.sh + ''
    echo "make up      start PostgreSQL and the services, with reload; devenv up: the same in process-compose's own interface"
    echo "make test    run every test; make check: format, lint, spelling, types and import rules"
    echo "make help    list all commands; docs/how-to/use-nix.md says what else Nix builds here"
  '';
}
