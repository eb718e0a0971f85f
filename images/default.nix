# The images: one function, mapped over the registry. README.md in this folder describes their properties.
{
  pkgs,
  project,
  python,
  revision,
  # Seconds since 1970.
  created,
}:
let
  inherit (pkgs) lib;
  inherit (python) set;

  # The same in every image, and in images/Dockerfile.
  user = "65532:65532";
  seconds = number: number * 1000000000;

  # From the lowest layer: packages that are shared and seldom change come first, then the image's own packages. Each
  # group becomes a layer, with its closure as far as no lower layer has it. The rest becomes the uppermost layer.
  layers =
    groups:
    [
      [
        "subcomponent_out"
        (map toString (lib.head groups))
      ]
    ]
    ++ lib.optional (lib.length groups > 1) [
      "over"
      "rest"
      [
        "pipe"
        (layers (lib.tail groups))
      ]
    ];

  image =
    {
      # The distribution that gives the image its name and labels.
      distribution,
      environment ? python.environment [ distribution.name ],
      programs ? [ ],
      config,
      # Runs in the image's root, to create and own the files outside of the store.
      extraCommands ? "",
      fakeRootCommands ? "",
    }:
    let
      inherit (distribution) name description version;
      metadata = distribution.project.pyproject.project;
      whole = pkgs.dockerTools.streamLayeredImage {
        inherit name extraCommands fakeRootCommands;
        tag = "dev";
        created = "@${created}";
        layeringPipeline = layers [
          [ pkgs.python3 ]
          set.cathouse-kit.requires
          [ set.cathouse-kit ]
          (set.${name}.requires ++ programs)
        ];
        config = {
          User = user;
          WorkingDir = "/";
        }
        // config
        // {
          Env = [
            "PATH=${lib.makeBinPath ([ environment ] ++ programs)}"
            "LANG=C.UTF-8"
            "PYTHONDONTWRITEBYTECODE=1"
            # OpenSSL's default path does not exist in the image. This file comes with the HTTP client.
            "SSL_CERT_FILE=${set.certifi}/${pkgs.python3.sitePackages}/certifi/cacert.pem"
          ]
          ++ config.Env or [ ];
          Labels = lib.mapAttrs' (label: lib.nameValuePair "org.opencontainers.image.${label}") {
            inherit description version revision;
            title = name;
            source = metadata.urls.Source;
            licenses = metadata.license;
          };
        };
      };

      stream = pkgs.writeShellScript "stream-${name}" ''
        set -o pipefail
        ${whole} "$@" 2>/dev/null | ${pkgs.python3.interpreter} ${./prune_layers.py}
      '';
    in
    pkgs.runCommand "${name}.tar.gz" {
      passthru = {
        inherit stream;
        # The configuration of the image, so that a check can read it without building the image.
        inherit (whole) conf;
        billOfMaterials = pkgs.runCommand "${name}.cdx.json" { } ''
          ${pkgs.python3.interpreter} ${./bill_of_materials.py} ${name} ${version} \
            ${pkgs.closureInfo { rootPaths = [ environment ] ++ programs; }}/store-paths > $out
        '';
      };
    } "${stream} | gzip -n > $out";

  service =
    service:
    image {
      distribution = project.distributions.${service.distribution};
      config = {
        Entrypoint = [
          "python"
          "-m"
          service.package
        ];
        Cmd = [ "serve" ];
        Env = [
          "HOST=0.0.0.0"
          "PORT=${toString service.port}"
        ];
        ExposedPorts."${toString service.port}/tcp" = { };
        Healthcheck = {
          Test = [
            "CMD"
            "python"
            "-m"
            "cathouse_kit.healthcheck"
          ];
          Interval = seconds 10;
          Timeout = seconds 6;
          StartPeriod = seconds 30;
          Retries = 3;
        };
      };
    };

  # It starts in the folder of services.toml.
  inRegistry = ''
    mkdir -p srv
    cp ${project.root + "/services.toml"} srv/services.toml
  '';

  byName = lib.mapAttrs (_name: service) project.services // {
    migrate = image {
      distribution = project.distributions.cathouse-migrate;
      environment = python.environment [
        "cathouse-migrate"
        "cathouse-deployment"
      ];
      extraCommands = inRegistry;
      config = {
        Entrypoint = [ "cathouse-migrate" ];
        WorkingDir = "/srv";
      };
    };

    postgres = image {
      distribution = project.distributions.cathouse-postgres;
      programs = [ pkgs.postgresql_18 ];
      # initdb looks up its user, and starts its helper with /bin/sh.
      extraCommands = inRegistry + ''
        mkdir -p bin etc
        ln -s ${pkgs.runtimeShell} bin/sh
        echo 'cathouse:x:65532:65532:Cat House:/nonexistent:/nonexistent' > etc/passwd
      '';
      fakeRootCommands = ''
        mkdir -p var/lib/postgresql
        chown ${user} var/lib/postgresql
        chmod 700 var/lib/postgresql
      '';
      config = {
        Entrypoint = [
          "python"
          "${./postgres.py}"
        ];
        Cmd = [ "postgres" ];
        WorkingDir = "/srv";
        # For the health check, which needs no password.
        Env = [ "POSTGRES_URL=postgresql://postgres@127.0.0.1:5432/postgres" ];
        ExposedPorts."5432/tcp" = { };
        Volumes."/var/lib/postgresql" = { };
        # SIGINT is a fast shutdown. SIGTERM would wait for every client.
        StopSignal = "SIGINT";
        Healthcheck = {
          Test = [
            "CMD"
            "cathouse-postgres"
            "ready"
          ];
          Interval = seconds 10;
          Timeout = seconds 6;
          StartPeriod = seconds 60;
          Retries = 3;
        };
      };
    };
  };
in
{
  inherit byName;

  /**
    A folder with every image as a tarball, and its bill of materials. Each image is also an attribute.
  */
  folder =
    pkgs.linkFarm "cat-house-images" (
      lib.concatMapAttrs (name: image: {
        "${name}.tar.gz" = image;
        "${name}.cdx.json" = image.billOfMaterials;
      }) byName
    )
    // byName;
}
