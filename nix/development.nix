# The parts that flake.nix and devenv.nix share: the project, its Python, and the tools of each task.
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

  # Programs that the development stack needs in addition to Python.
  stackTools = [
    pkgs.postgresql_18
    pkgs.process-compose
    pkgs.caddy
    pkgs.gnumake
  ];

  # Programs that the tests start in addition to the stack. The standard environment lacks `ps` and `setsid`.
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
      # Editable: the packages come from the clone in which the shell was entered.
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
    # The same values as in the Makefile, for process-compose that is started by hand.
    PC_LOG_FILE = ".state/logs/process-compose.log";
    PROC_COMP_CONFIG = ".state";
    PYTEST_ADDOPTS = toString python.pytestOptions;
  };

  shellHook = builtins.readFile ./shell.sh + ''
    echo "make up      start PostgreSQL and the services, with reload; devenv up: the same in process-compose's own interface"
    echo "make test    run every test; make check: format, lint, spelling, types and import rules"
    echo "make help    list all commands; docs/how-to/use-nix.md lists what else Nix builds here"
  '';
}
