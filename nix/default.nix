# Everything that the flake gives for one system.
{
  pkgs,
  inputs,
  # Of the commit: its hash, and its date in seconds since 1970.
  revision,
  created,
}:
let
  inherit (pkgs) lib;
  development = import ./development.nix { inherit pkgs inputs; };
  inherit (development) project python;

  images = import ../images {
    inherit
      pkgs
      project
      python
      revision
      ;
    created = toString created;
  };

  shell = inputs.devenv.lib.mkShell {
    inherit inputs pkgs;
    modules = [
      ../devenv.nix
      # Only an impure evaluation knows the folder; nix/shell.sh refuses any other where it matters.
      {
        devenv.root =
          let
            folder = builtins.getEnv "PWD";
          in
          if folder == "" then "/project" else folder;
      }
    ];
  };
in
{
  inherit shell;

  packages =
    lib.mapAttrs (_: service: python.applications.${service.distribution}) project.services
    // {
      kit = python.set.cathouse-kit;
      migrate = python.applications.cathouse-migrate;
    }
    // lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux { images = images.folder; };

  apps = import ./apps.nix {
    inherit pkgs development images;
  };

  checks = import ./checks.nix {
    inherit
      pkgs
      development
      shell
      ;
    # Neither the commit nor its date: only what the images hold.
    images = import ../images {
      inherit pkgs project python;
      revision = "unknown";
      created = "0";
    };
  };
}
