# Doubles of the flake's inputs, large enough for the project's own functions. The builders return their arguments as
# `given`. Evaluates to the flake's outputs.
{
  # The project, or a copy of it that a test has changed.
  root,
  # The Python packages that nixpkgs has, with their versions.
  pythonPackages,
  # Those that were renamed or removed: nixpkgs throws when one is used.
  removedPackages ? [ ],
  revision ? null,
}:
let
  lib = builtins // {
    concatMapAttrs =
      function: set: builtins.foldl' (all: more: all // more) { } (lib.mapAttrsToList function set);
    concatStrings = builtins.concatStringsSep "";
    escapeShellArgs = builtins.concatStringsSep " ";
    fileset = {
      difference = _whole: without: { inherit without; };
      fileFilter =
        predicate: _folder:
        builtins.filter (extension: predicate { hasExt = given: given == extension; }) [
          "md"
          "nix"
          "py"
        ];
      toSource = arguments: package "source" arguments;
      unions = parts: parts;
    };
    filterAttrs =
      predicate: set:
      builtins.removeAttrs set (
        builtins.filter (name: !predicate name set.${name}) (builtins.attrNames set)
      );
    genAttrs =
      names: function: builtins.listToAttrs (map (name: lib.nameValuePair name (function name)) names);
    getExe = given: "${given}/bin/${given.name}";
    hasInfix = infix: text: builtins.length (builtins.split infix text) > 1;
    importJSON = path: builtins.fromJSON (builtins.readFile path);
    importTOML = path: fromTOML (builtins.readFile path);
    makeBinPath = packages: builtins.concatStringsSep ":" (map (each: "${each}/bin") packages);
    mapAttrs' = function: set: builtins.listToAttrs (lib.mapAttrsToList function set);
    mapAttrsToList = function: set: map (name: function name set.${name}) (builtins.attrNames set);
    mkIf = condition: value: if condition then value else { };
    nameValuePair = name: value: { inherit name value; };
    optional = condition: value: if condition then [ value ] else [ ];
    optionalAttrs = condition: set: if condition then set else { };
    optionals = condition: values: if condition then values else [ ];
    splitString = separator: text: builtins.filter builtins.isString (builtins.split separator text);
    subtractLists = without: builtins.filter (each: !builtins.elem each without);
    systems.flakeExposed = systems;
    throwIf =
      condition: message: value:
      if condition then throw message else value;
    throwIfNot = condition: lib.throwIf (!condition);
  };

  # Systems of nixpkgs. The project does not support the last one.
  systems = [
    "x86_64-linux"
    "aarch64-linux"
    "aarch64-darwin"
    "riscv64-linux"
  ];

  # In a string, a package becomes a path with its name.
  package = name: given: {
    inherit name given;
    type = "derivation";
    outPath = "/store/${name}";
  };

  pyproject = rec {
    pep440 = {
      parseVersion = version: version;
      comparators.">=" = version: least: builtins.compareVersions version least >= 0;
    };
    pep508 = {
      mkEnviron = _python: { };
      parseString =
        text:
        let
          parts = builtins.match "([A-Za-z0-9._-]+)(\\[[^]]*])?(>=([0-9.]+).*|<.*)?" text;
          least = builtins.elemAt parts 3;
        in
        {
          name = builtins.head parts;
          conditions = lib.optional (least != null) {
            op = ">=";
            version = least;
          };
        };
    };
    pep621.filterDependenciesByEnviron =
      _environ: _extras: dependencies:
      dependencies;
    project.loadPyproject =
      { projectRoot }:
      let
        content = lib.importTOML (projectRoot + "/pyproject.toml");
        dependencies = {
          dependencies = map pep508.parseString content.project.dependencies;
          build-systems = map pep508.parseString content.build-system.requires;
        };
        render =
          { pythonPackages, ... }:
          {
            pname = content.project.name;
            inherit (content.project) version;
            dependencies = map (each: pythonPackages.${each.name}) dependencies.dependencies;
          };
      in
      {
        inherit dependencies;
        pyproject = content;
        renderers = {
          buildPythonPackage = render;
          mkPythonEditablePackage = render;
        };
      };
  };

  pythonWith =
    packages:
    package "python3" { }
    // {
      interpreter = "/store/python3/bin/python3";
      pythonVersion = "3.13";
      sitePackages = "lib/python3/site-packages";
      pkgs = packages;
      withPackages =
        choose:
        package "environment" {
          distributions = choose packages;
          packages = map (chosen: chosen.name) (choose packages);
        };
      override =
        { packageOverrides, ... }:
        let
          all = packages // packageOverrides all packages;
        in
        pythonWith all;
    };

  build =
    given:
    package given.pname given
    // given.passthru or { }
    // {
      inherit (given) version;
    };

  thirdParty = {
    buildPythonPackage = build;
    mkPythonEditablePackage = build;
    fetchPypi = package "wheel";
  }
  // builtins.mapAttrs (name: version: package name { } // { inherit version; }) pythonPackages
  // lib.genAttrs removedPackages (name: throw "${name} has been removed");

  pkgsFor =
    system:
    {
      inherit lib;
      stdenv = {
        cc.cc.lib = package "libgcc" { };
        hostPlatform = {
          inherit system;
          isLinux = builtins.match ".*-linux" system != null;
        };
      };
      python3 = pythonWith thirdParty;
      runtimeShell = "/store/bash/bin/sh";
      closureInfo = package "closure";
      dockerTools.streamLayeredImage =
        given: package "whole-${given.name}" given // { conf = package "conf-${given.name}" given; };
      linkFarm = name: entries: package name { inherit entries; };
      mkShellNoCC = given: package given.name given;
      runCommand =
        name: given: script:
        package name (given // { inherit script; }) // given.passthru or { };
      symlinkJoin = given: package given.name given;
      treefmt.withConfig = package "treefmt";
      writeShellScript = package;
      writeShellApplication = given: package given.name given;
    }
    // lib.genAttrs [
      "actionlint"
      "autoPatchelfHook"
      "bash"
      "caddy"
      "codespell"
      "coreutils"
      "deadnix"
      "devenv"
      "docker-client"
      "docker-compose"
      "findutils"
      "git"
      "gnugrep"
      "gnumake"
      "gnused"
      "makeBinaryWrapper"
      "nixfmt"
      "postgresql_18"
      "pre-commit"
      "process-compose"
      "procps"
      "py-spy"
      "ruff"
      "statix"
      "util-linux"
      "uv"
      "vale"
      "valkey"
      "wrk"
    ] (name: package name { });

  inputs = {
    nixpkgs = {
      inherit lib;
      # Like the real nixpkgs, it has every system.
      legacyPackages = lib.genAttrs systems pkgsFor;
    };
    pyproject-nix.lib = pyproject;
    self = {
      inherit root;
      lastModified = 1789114715;
    }
    // lib.optionalAttrs (revision != null) { rev = revision; };
  };
in
{
  inherit inputs;
  # The configuration of devenv.nix, for `devenv shell` and `devenv up`, or for `devenv test`.
  devenv =
    { isTesting }:
    import (root + "/devenv.nix") {
      inherit lib inputs;
      pkgs = inputs.nixpkgs.legacyPackages.x86_64-linux;
      config.devenv = {
        root = "/checkout";
        inherit isTesting;
      };
    };
  outputs = (import (root + "/flake.nix")).outputs inputs;
}
