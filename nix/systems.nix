# The systems that the flake supports. Only those of Linux have images.
rec {
  supported = [
    "x86_64-linux"
    "aarch64-linux"
    "aarch64-darwin"
  ];

  refusal =
    system:
    "Cat House supports ${builtins.concatStringsSep ", " supported}, not ${system}: add it to nix/systems.nix to try it";

  # A package that `nix flake show` can list. Building or running it fails with a message of one line.
  refuse = system: {
    type = "derivation";
    name = "cat-house-not-for-${system}";
    inherit system;
    drvPath = throw (refusal system);
    outPath = throw (refusal system);
    outputName = "out";
  };
}
