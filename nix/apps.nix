# The apps of `nix run`: `up` and `demo` to try the platform without installing it, and `load` for the images.
{
  pkgs,
  development,
  images,
}:
let
  inherit (pkgs) lib;

  app = description: program: {
    type = "app";
    program = lib.getExe program;
    meta = { inherit description; };
  };

  # Runs in a clone, only with programs from Nix.
  inClone =
    name: text:
    pkgs.writeShellApplication {
      name = "cat-house-${name}";
      runtimeInputs = development.stackTools ++ [
        (development.python.development "$CATHOUSE_ROOT")
        pkgs.bash
        pkgs.coreutils
        pkgs.findutils
        pkgs.gnugrep
        pkgs.gnused
      ];
      text =
        builtins.readFile ./shell.sh
        + ''
          cd "$CATHOUSE_ROOT"
        ''
        + text;
    };

  # A program for this system that prints an image. The streams of nixpkgs run only on Linux, so macOS reads the
  # finished tarball.
  streamOf =
    name: image:
    if pkgs.stdenv.hostPlatform.isLinux then
      image.stream
    else
      pkgs.writeShellScript "stream-${name}" "exec cat ${image}";

  up = app "Starts PostgreSQL and the services from this clone; Ctrl-C stops them" (
    inClone "up" ''
      exec make up "$@"
    ''
  );
in
{
  inherit up;
  default = up;
  demo = app "Starts the stack unless it runs, walks through the platform, and stops what it started" (
    inClone "demo" (builtins.readFile ./demo.sh)
  );
}
// {
  load = app "Streams the images, or those that are named, into Docker or podman" (
    pkgs.writeShellApplication {
      name = "cat-house-load";
      text = ''
        declare -A streams=(${
          lib.concatStrings (
            lib.mapAttrsToList (name: image: " [${name}]=${streamOf name image}") images.byName
          )
        } )
      ''
      + builtins.readFile ./load.sh;
    }
  );
}
