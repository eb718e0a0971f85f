# The systems that the flake supports; images are for the Linux ones.
rec {
  supported = [
    "x86_64-linux"
    "aarch64-linux"
    "aarch64-darwin"
  ];

  refusal =
    system:
    "Cat House supports ${builtins.concatStringsSep ", " supported}, not ${system}: add it to nix/systems.nix to try it";
}
