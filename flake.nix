{
  description = "Cat House: a marketplace of cats, as four services on one PostgreSQL";

  # The shell's own helper is built by devenv's authors; without their cache it is compiled here.
  nixConfig = {
    extra-substituters = [ "https://devenv.cachix.org" ];
    extra-trusted-public-keys = [
      "devenv.cachix.org-1:w1cLUi8dv3hnoSPGAuibQv+f9TZLr6cv/Hm9XgU50cw="
    ];
  };

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    devenv = {
      url = "github:cachix/devenv";
      inputs = {
        nixpkgs.follows = "nixpkgs";
        # Of its modules, which are all that is used here, none needs what its program is built of.
        cachix.follows = "";
        crate2nix.follows = "";
        flake-parts.follows = "";
        ghostty.follows = "";
        nix.follows = "";
        nixd.follows = "";
        rust-overlay.follows = "";
      };
    };
    pyproject-nix = {
      url = "github:pyproject-nix/pyproject.nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    { self, nixpkgs, ... }@inputs:
    let
      inherit (nixpkgs) lib;
      revision = self.rev or self.dirtyRev or "unknown";

      eachSystem =
        outputs:
        lib.genAttrs (import ./nix/systems.nix) (
          system:
          outputs (
            import ./nix {
              inherit inputs revision;
              pkgs = nixpkgs.legacyPackages.${system};
              created = self.lastModified;
            }
          )
        );
    in
    {
      packages = eachSystem (catHouse: catHouse.packages);
      apps = eachSystem (catHouse: catHouse.apps);
      checks = eachSystem (catHouse: catHouse.checks);
      devShells = eachSystem (catHouse: {
        default = catHouse.shell;
      });
    };
}
