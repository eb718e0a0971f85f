# What the flake is built for; images for the Linux ones.
[
  "x86_64-linux"
  "aarch64-linux"
  "aarch64-darwin"
]
