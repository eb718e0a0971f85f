# The development shell, for `nix develop --impure` and for the devenv program alike.
{
  pkgs,
  lib,
  config,
  inputs,
  ...
}:
let
  development = import ./nix/development.nix { inherit pkgs inputs; };
in
{
  packages =
    development.stackTools
    ++ development.linters
    ++ [
      (development.python.development config.devenv.root)
      pkgs.uv
      pkgs.docker-client
      pkgs.docker-compose
    ];

  enterShell = lib.mkMerge [
    # Before devenv makes its own folders.
    (lib.mkOrder 100 (
      builtins.readFile ./nix/shell.sh
      + ''
        if [ ! "$DEVENV_ROOT" -ef . ]; then
          echo "Cat House: this shell was made for $DEVENV_ROOT: enter it here, with nix develop --impure" >&2
          exit 1
        fi
      ''
    ))
    ''
      echo "make up      PostgreSQL and the services, with reload; devenv up is the same with process-compose's own interface"
      echo "make test    every test; make check: format, lint, types and import rules"
      echo "make help    the other words; docs/nix.md says what Nix builds here"
    ''
  ];
  enterTest = "make test";

  git-hooks.hooks.check = {
    enable = true;
    name = "make check";
    entry = "make check";
    language = "system";
    pass_filenames = false;
  };

  env = {
    # Where the Makefile has them too.
    PC_LOG_FILE = ".state/logs/process-compose.log";
    PROC_COMP_CONFIG = ".state";
    PYTEST_ADDOPTS = toString development.python.pytestOptions;
  };

  process.manager = {
    implementation = "process-compose";
    before = "mkdir -p .state/logs";
  };
  process.managers.process-compose = {
    configFile = config.devenv.root + "/process-compose.yaml";
    # The Makefile's, so that `make down` and `make demo` find it.
    unixSocket.path = config.devenv.root + "/.state/process-compose.sock";
  };
  # Without a process, `devenv up` has nothing to do. This one is in no file that it runs.
  processes.cat-house.exec = "make up";
}
