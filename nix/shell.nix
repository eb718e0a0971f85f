# The development shell of the flake: `nix develop`, `use flake` in .envrc.
{ pkgs, development }:
pkgs.mkShellNoCC {
  name = "cat-house";
  packages = development.shellPackages ++ [ pkgs.devenv ];
  env = development.shellVariables;
  inherit (development) shellHook;
}
