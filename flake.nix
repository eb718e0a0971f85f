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
          # Images are for Linux; on macOS, a Linux builder makes them.
          linuxPkgs = nixpkgs.legacyPackages.${lib.replaceStrings [ "darwin" ] [ "linux" ] system};
          revision = self.rev or self.dirtyRev or "unknown";
          created = self.lastModified;
        }
      );

      # An output of every system. Elsewhere, its most used attributes name the systems that there are.
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
      # Without a refusal: `nix flake show` evaluates the apps of every system. `nix run` falls back to the package.
      apps = ofSupported "apps";
      checks = ofSupported "checks";
      formatter = ofSupported "formatter";
    };
}
