# The project's metadata, from services.toml and every pyproject.toml. This file does not depend on nixpkgs' packages.
{
  lib,
  pyproject,
  root,
}:
let
  registry = lib.importTOML (root + "/services.toml");

  # The folders of Python distributions, the same as in the Makefile.
  foldersIn =
    parent:
    lib.optionals (lib.pathExists (root + "/${parent}")) (
      map (name: "${parent}/${name}") (
        lib.filter (name: lib.pathExists (root + "/${parent}/${name}/pyproject.toml")) (
          lib.attrNames (builtins.readDir (root + "/${parent}"))
        )
      )
    );
  folders = [
    "kit"
    "platform"
  ]
  ++ lib.concatMap foldersIn [
    "services"
    "tools"
    "examples"
    "clients"
  ];

  load =
    folder:
    let
      project = pyproject.project.loadPyproject { projectRoot = root + "/${folder}"; };
    in
    {
      inherit folder project;
      inherit (project.pyproject.project) name version description;
      # The packages that Hatch puts into the wheel.
      packages = project.pyproject.tool.hatch.build.targets.wheel.packages;
    };
  distributions = lib.listToAttrs (
    map (folder: lib.nameValuePair (load folder).name (load folder)) folders
  );

  withoutFolder = lib.filter (name: !lib.elem "services/${name}" folders) (lib.attrNames registry);
  withoutEntry = lib.filter (folder: !registry ? ${baseNameOf folder}) (foldersIn "services");

  service =
    name: entry:
    let
      distribution = load "services/${name}";
    in
    entry
    // {
      inherit name;
      inherit (distribution) version;
      distribution = distribution.name;
    };

  # "httpx", "schemathesis>=4": the names in requirements/dev.in, without the project's own.
  developers = lib.filter (name: !distributions ? ${name}) (
    map (line: (pyproject.pep508.parseString line).name) (
      lib.filter (line: builtins.match "[a-zA-Z0-9].*" line != null) (
        lib.splitString "\n" (builtins.readFile (root + "/requirements/dev.in"))
      )
    )
  );
in
lib.throwIf (withoutFolder != [ ])
  "services.toml has [${lib.head withoutFolder}], and there is no services/${lib.head withoutFolder}/pyproject.toml: write it and `git add` it (Nix reads only files that git tracks), or remove the entry"
  (
    lib.throwIf (withoutEntry != [ ])
      "${lib.head withoutEntry} is a service that services.toml does not have: add [${baseNameOf (lib.head withoutEntry)}] there, or remove the folder"
      {
        inherit root distributions developers;
        services = lib.mapAttrs service registry;
      }
  )
