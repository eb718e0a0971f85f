# The development shell for the devenv program: `devenv shell`, `devenv up`, `devenv test`. nix/shell.nix is the flake's
# shell.
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
    # By default, devenv 2 uses its own process manager, which does not read process-compose.yaml.
    implementation = "process-compose";
    # Commands of the stack run in the root, even if `devenv up` was typed in another folder.
    before = ''
      cd "$DEVENV_ROOT"
      mkdir -p .state/logs
    '';
  };
  process.managers.process-compose = {
    configFile = config.devenv.root + "/process-compose.yaml";
    # The same path as in the Makefile, so that `make down` finds it. It is relative, because paths of sockets are
    # limited to 107 bytes.
    unixSocket.path = ".state/process-compose.sock";
  };
  # `devenv up` needs a process to have something to do; configFile has the real ones. `devenv test` would start them,
  # on the ports and data of the developer, and `make test` brings its own.
  processes = lib.mkIf (!config.devenv.isTesting) { cat-house.exec = "make up"; };
}
