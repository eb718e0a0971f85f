# All outputs of the flake for one system.
{
  pkgs,
  # The packages in the images: those of Linux on the same processor architecture.
  linuxPkgs,
  inputs,
  # The hash of the commit, and its date in seconds since 1970.
  revision,
  created,
}:
let
  inherit (pkgs) lib;
  development = import ./development.nix { inherit pkgs inputs; };
  linux = import ./development.nix {
    pkgs = linuxPkgs;
    inherit inputs;
  };

  imagesOf =
    commit:
    import ../images (
      {
        pkgs = linuxPkgs;
        inherit (linux) project python;
      }
      // commit
    );
  images = imagesOf {
    inherit revision;
    created = toString created;
  };

  shell = import ./shell.nix { inherit pkgs development; };

  inherit (development.python) applications set;
  programs =
    lib.mapAttrs (_: service: applications.${service.distribution}) development.project.services
    // {
      migrate = applications.cathouse-migrate;
    };
in
{
  packages = programs // {
    default = pkgs.symlinkJoin {
      name = "cat-house";
      paths = lib.attrValues programs;
    };
    kit = set.cathouse-kit;
    images = images.folder;
  };

  apps = import ./apps.nix { inherit pkgs development images; };

  checks = import ./checks.nix {
    inherit pkgs development shell;
    # Without the commit and its date, so that only changes of the images' content run the check again.
    images = imagesOf {
      revision = "unknown";
      created = "0";
    };
  };

  devShells.default = shell;

  formatter = pkgs.treefmt.withConfig {
    runtimeInputs = [
      pkgs.nixfmt
      pkgs.ruff
    ];
    settings = {
      on-unmatched = "debug";
      formatter = {
        nixfmt = {
          command = "nixfmt";
          includes = [ "*.nix" ];
        };
        ruff = {
          command = "ruff";
          options = [ "format" ];
          includes = [ "*.py" ];
        };
      };
    };
  };
}
