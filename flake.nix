{
  description = "Cat House: a marketplace of cats, as four services on one PostgreSQL";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    pyproject-nix = {
      url = "github:pyproject-nix/pyproject.nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    { self, nixpkgs, ... }@inputs:
    let
      inherit (nixpkgs) lib;
      systems = import ./nix/systems.nix;

      catHouse = lib.genAttrs systems.supported (
        system:
        import ./nix {
          inherit inputs;
          pkgs = nixpkgs.legacyPackages.${system};
          # Images are for Linux. On macOS, a Linux builder builds them.
          linuxPkgs = nixpkgs.legacyPackages.${lib.replaceStrings [ "darwin" ] [ "linux" ] system};
          revision = self.rev or self.dirtyRev or "unknown";
          created = self.lastModified;
        }
      );

      # An output for every system. On an unsupported system, the most used attributes fail and name the supported
      # systems.
      output =
        name: attributes:
        lib.genAttrs (lib.subtractLists systems.supported lib.systems.flakeExposed) (
          system: lib.genAttrs attributes (_: systems.refuse system)
        )
        // ofSupported name;
      ofSupported = name: lib.mapAttrs (_: outputs: outputs.${name}) catHouse;
    in
    {
      packages = output "packages" [
        "default"
        "images"
      ];
      devShells = output "devShells" [ "default" ];
      # Apps cannot fail like that: `nix flake show` evaluates those of every system. `nix run` falls back to the
      # package.
      apps = ofSupported "apps";
      checks = ofSupported "checks";
      formatter = ofSupported "formatter";
    };
}
