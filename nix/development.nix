# What the flake and devenv.nix have in common: the project as it describes itself, and its Python.
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
in
lib.throwIfNot (lib.elem system systems)
  "Cat House is built for ${lib.concatStringsSep ", " systems}, and not for ${system}: add it to nix/systems.nix, and try"
  {
    inherit project;

    python = import ./python.nix {
      inherit
        lib
        pkgs
        pyproject
        project
        ;
    };

    # What the development stack needs beside Python, by what it is run with.
    stackTools = [
      pkgs.postgresql_18
      pkgs.process-compose
      pkgs.gnumake
      # For the tests of limits that are shared.
      pkgs.valkey
    ];

    linters = [
      pkgs.nixfmt
      pkgs.statix
      pkgs.deadnix
    ];
  }
