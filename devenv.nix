# The development shell for the devenv program: `devenv shell`, `devenv up`, `devenv test`. nix/shell.nix is the flake's own.
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
  packages = development.shellPackages;
  env = development.shellVariables;
  enterShell = development.shellHook;
  enterTest = ''make --directory "$DEVENV_ROOT" test'';

  process.manager = {
    # The default of devenv 2 is a manager of its own, which does not read process-compose.yaml.
    implementation = "process-compose";
    # Commands of the stack run in the root, wherever `devenv up` was typed.
    before = ''
      cd "$DEVENV_ROOT"
      mkdir -p .state/logs
    '';
  };
  process.managers.process-compose = {
    configFile = config.devenv.root + "/process-compose.yaml";
    # As in the Makefile, so that `make down` finds it. Relative, because the path of a socket has 107 bytes at most.
    unixSocket.path = ".state/process-compose.sock";
  };
  # `devenv up` needs a process to have something to do; configFile has the real ones. `devenv test` would start them,
  # on the ports and data of the developer, and `make test` brings its own.
  processes = lib.mkIf (!config.devenv.isTesting) { cat-house.exec = "make up"; };
}
