# Developers' tools that are no Python packages of the pinned nixpkgs, from their wheels. Versions and hashes are those of
# requirements/dev.txt, and tests/nix holds the two together.
{
  lib,
  pkgs,
  # The Python packages that they are added to.
  set,
}:
let
  inherit (pkgs.stdenv.hostPlatform) system;

  # Without compiled modules: one wheel for every system.
  pure =
    {
      pname,
      version,
      hash,
      dependencies,
    }:
    set.buildPythonPackage {
      inherit pname version dependencies;
      format = "wheel";
      src = set.fetchPypi {
        inherit version hash;
        pname = lib.replaceStrings [ "-" ] [ "_" ] pname;
        format = "wheel";
        dist = "py3";
        python = "py3";
      };
    };

  # The compiled one: for this interpreter, by system.
  interpreter = "cp313";
  grimp = {
    x86_64-linux = {
      platform = "manylinux2014_x86_64.manylinux_2_17_x86_64";
      hash = "sha256-jkmtmbDGLccN/Fdx55juFC36lmG7YphsyEvwj1c0M1Y=";
    };
    aarch64-linux = {
      platform = "manylinux2014_aarch64.manylinux_2_17_aarch64";
      hash = "sha256-Y5dfFfAEgrmJW3tJYSPoTF3SPqg3VGB0LwKBW84Atyc=";
    };
    aarch64-darwin = {
      platform = "macosx_11_0_arm64";
      hash = "sha256-TDJAl+YyHRI+ID9j4hPTeAsth/w/RbqwQkUGij6BmL4=";
    };
  };

  fits = interpreter == "cp" + lib.concatStrings (lib.splitVersion pkgs.python3.pythonVersion);
in
{
  copier = pure {
    pname = "copier";
    version = "9.19.1";
    hash = "sha256-F3knD1CCsWiYKk7DVq+8okVFs88eu1h9Hf+EO7W8mFg=";
    dependencies = [
      set.colorama
      set.dunamai
      set.funcy
      set.jinja2
      set.jinja2-ansible-filters
      set.packaging
      set.pathspec
      set.platformdirs
      set.plumbum
      set.pydantic
      set.pygments
      set.pyyaml
      set.questionary
    ];
  };

  import-linter = pure {
    pname = "import-linter";
    version = "2.16";
    hash = "sha256-53VgLpIUqzkz/H0hYieOofEd2SKckUc1wb2kO5RhlWU=";
    dependencies = [
      set.click
      set.grimp
      set.rich
    ];
  };

  grimp =
    lib.throwIfNot fits
      "nix/wheels.nix has grimp for ${interpreter}, and nixpkgs' python3 is ${pkgs.python3.pythonVersion}: write its wheels' hashes there"
      (
        set.buildPythonPackage rec {
          pname = "grimp";
          version = "3.19";
          format = "wheel";
          src = set.fetchPypi (
            {
              inherit pname version format;
              dist = interpreter;
              python = interpreter;
              abi = interpreter;
            }
            // grimp.${system}
          );
          nativeBuildInputs = lib.optional pkgs.stdenv.hostPlatform.isLinux pkgs.autoPatchelfHook;
          # For libgcc.
          buildInputs = [ pkgs.stdenv.cc.cc.lib ];
        }
      );
}
