# Developers' tools that the pinned nixpkgs lacks, built from their wheels. Versions and hashes are those of
# requirements/dev.txt: a test in tests/nix compares them.
{
  lib,
  pkgs,
  # The Python packages to which the tools are added.
  set,
}:
let
  inherit (pkgs.stdenv.hostPlatform) system;

  # The compiled wheels of grimp: by interpreter, then by system.
  interpreter = "cp" + lib.concatStrings (lib.splitVersion pkgs.python3.pythonVersion);
  platforms = {
    x86_64-linux = "manylinux2014_x86_64.manylinux_2_17_x86_64";
    aarch64-linux = "manylinux2014_aarch64.manylinux_2_17_aarch64";
    aarch64-darwin = "macosx_11_0_arm64";
  };
  hashes = {
    cp313 = {
      x86_64-linux = "sha256-jkmtmbDGLccN/Fdx55juFC36lmG7YphsyEvwj1c0M1Y=";
      aarch64-linux = "sha256-Y5dfFfAEgrmJW3tJYSPoTF3SPqg3VGB0LwKBW84Atyc=";
      aarch64-darwin = "sha256-TDJAl+YyHRI+ID9j4hPTeAsth/w/RbqwQkUGij6BmL4=";
    };
    cp314 = {
      x86_64-linux = "sha256-qAxK1NgmWpp9IiVrwfgHAkLVGMTW8bdHHJMA5tfdmY4=";
      aarch64-linux = "sha256-QPMBzvqKe48gbGtiitFHr0BBMd/lGqWOZq58vq3jPS4=";
      aarch64-darwin = "sha256-FJ9RzzpDp0lQnG6dh4yXPwKSpR57+wLPjtVU8wcmNpo=";
    };
  };
in
{
  import-linter = set.buildPythonPackage rec {
    pname = "import-linter";
    version = "2.16";
    format = "wheel";
    src = set.fetchPypi {
      inherit version format;
      pname = "import_linter";
      dist = "py3";
      python = "py3";
      hash = "sha256-53VgLpIUqzkz/H0hYieOofEd2SKckUc1wb2kO5RhlWU=";
    };
    dependencies = [
      set.click
      set.grimp
      set.rich
    ];
  };

  grimp =
    lib.throwIfNot (hashes ? ${interpreter})
      "nix/wheels.nix has grimp for ${lib.concatStringsSep " and " (lib.attrNames hashes)}, and nixpkgs' python3 is ${pkgs.python3.pythonVersion}: add the hashes of its wheels for ${interpreter}"
      (
        set.buildPythonPackage rec {
          pname = "grimp";
          version = "3.19";
          format = "wheel";
          src = set.fetchPypi {
            inherit pname version format;
            dist = interpreter;
            python = interpreter;
            abi = interpreter;
            platform = platforms.${system};
            hash = hashes.${interpreter}.${system};
          };
          nativeBuildInputs = lib.optional pkgs.stdenv.hostPlatform.isLinux pkgs.autoPatchelfHook;
          # For libgcc.
          buildInputs = [ pkgs.stdenv.cc.cc.lib ];
        }
      );
}
