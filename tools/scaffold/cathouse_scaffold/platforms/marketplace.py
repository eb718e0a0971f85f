"""The parts of the repository that only the marketplace of cats needs: a skeleton is created without them."""

SERVICES = ("catalog", "installation", "proxy")

PATHS = (
    *(f"services/{name}" for name in SERVICES),
    *(f"docs/openapi/{name}.json" for name in SERVICES),
    *(f"docs/openapi/released/{name}.json" for name in SERVICES),
    *(f"deploy/kubernetes/base/{name}.yaml" for name in SERVICES),
    "bench",
    "ci/template",
    "clients/python/tests",
    "clients/typescript/examples",
    "clients/typescript/test",
    "deploy/grafana/calls.json",
    "deploy/kubernetes/components/prune-audit",
    "docs/explanation/asvs.md",
    "docs/explanation/performance.md",
    "docs/how-to/measure-performance.md",
    "docs/how-to/prune-the-audit.md",
    "docs/how-to/size-a-deployment.md",
    "docs/tutorial",
    "examples",
    "tests/clients",
    "tests/containers",
    "tests/contracts/test_fakes.py",
    "tests/contracts/test_sizing.py",
    "tests/faults",
    "tests/hostile",
    "tests/journey",
    "tests/monitoring/test_prometheus.py",
    "tests/browser/test_dashboard.py",
    "tests/browser/test_full_disk.py",
    "tests/template",
    "tests/tutorial",
    "tools/scaffold/rendered/files/deploy/grafana/calls.json.j2",
    "tools/scaffold/rendered/files/tests",
    "tools/scaffold/rendered/regions/tests",
)
"""Folders and files about cats, their players and their developers, and tests that need a whole marketplace."""

LISTS = (".github/CODEOWNERS", "ci/run", "pyproject.toml", "requirements/packages.txt")
"""Files that list parts of the repository, one a line. The lines of removed parts go."""

TARGETS = ("bench",)
"""Targets of the Makefile that run removed parts."""

DEFINITIONS = {
    "clients/python/cathouse_client/client.py": (
        "CatHouse.call_cat AsyncCatHouse.call_cat _proxied _with _checked"
    ),
    "platform/cathouse_platform/testing.py": "scope_body",
    "tests/gateway/test_hidden_routes.py": "test_a_path_of_a_cat_may_be_called_internal",
    "tests/gateway/test_requests.py": (
        "test_a_body_beyond_the_limit_is_a_problem test_a_service_that_is_away_is_a_problem"
    ),
    "tests/contracts/test_database_roles.py": (
        "AUDIT test_the_audit_is_completed_by_the_proxy_and_deleted_by_the_pruner_alone"
    ),
    "tools/scaffold/tests/test_platforms.py": (
        "test_each_rule_about_the_marketplace_finds_its_text"
    ),
    "tools/scaffold/tests/test_reference.py": (
        "test_settings_carry_bounds_and_metrics_labels_and_routes_errors"
    ),
    "tools/scaffold/tests/test_services_come_and_go.py": (
        "test_a_service_with_callers_or_a_released_api_is_not_removed"
    ),
    "tools/stack/cathouse_stack/demo.py": (
        "MANIFEST _WORDS publish find adopt use pause wait_for_refusal read_audit"
    ),
    "tools/stack/cathouse_stack/seed.py": (
        "_ADOPTIONS_EACH _CATEGORIES _KINDS _COATS CATS _COMMENTS"
        " Seed.publish Seed.adopt Seed._adopt_and_call Seed._review"
    ),
}
"""Functions, methods and constants, tests too, that use routes or tables of removed services. They go."""

EXAMPLES = (
    "tests/nix/test_prune_layers.py",
    "tests/nix/test_refusals.py",
    "tests/stack",
    "tools/deployment/tests",
    "tools/migrate/tests",
    "tools/scaffold/tests/test_services_come_and_go.py",
    "tools/stack/tests/test_lookup.py",
    "tools/stack/tests/test_refused_commands.py",
)
"""Tests that need any service beside auth. They use the example service instead of those of the marketplace."""

_MEDIATED = (r"\|/api/v1/proxy/\[\{\]installation_id\[\}\]/\.\*", "")
# A new client's example needs no more than a person.
_EXAMPLE_OF_A_CLIENT = [
    ("## Find and adopt a cat", "## Sign in and read"),
    (r"^## Call a cat\n(?:(?!## ).*\n)+", ""),
    (r", and adoptions: .*?(?= \|$)", ""),
    (" \\(such as `scope_missing`\\)", " (such as `email_taken`)"),
]

CHANGES: dict[str, list[tuple[str, str]]] = {
    ".github/workflows/check.yaml": [
        (", tests/containers$", ""),
        (r"^ +- run: .* tests/containers\n", ""),
    ],
    ".github/ISSUE_TEMPLATE/proposal.yaml": [(r"a player, a developer of cats, ", "a user, ")],
    ".github/workflows/nightly.yaml": [("kubernetes, template\\]", "kubernetes]")],
    "ci/newcomer": [(", 30 cats, 120 installations, 240 calls, 90 reviews", "")],
    "ci/run": [
        (r"^# Start a Docker engine.*\nstart_docker\(\) \{\n(?:  .*\n)*\}\n\n", ""),
        (r"^# Install Chromium.*\ninstall_browser\(\) \{\n(?:  .*\n)*\}\n\n", ""),
        (r"^# Install faketime.*\ninstall_faketime\(\) \{\n(?:  .*\n)*\}\n\n", ""),
        (r"^part (?:browser|install-(?:browser|docker|faketime)) .*\n", ""),
        (r"^.*docker\.env.*\n", ""),
        (r"^ +.*docker/stop.*\n", ""),
        (" install_faketime| install_browser| start_docker", ""),
    ],
    "clients/python/README.md": [
        *_EXAMPLE_OF_A_CLIENT,
        ("Conflict, iterate$", "Conflict"),
        ("import Adoption, Registration", "import Registration"),
        (
            r"^    house\.auth\.register\(\n(?:.*\n)*?```\n",
            """\
    new = Registration(
        email="ada@example.com", password="correct horse battery", display_name="Ada"
    )
    house.auth.register(body=new)
    house.sign_in("ada@example.com", "correct horse battery")
    print(house.auth.read_me().display_name)

    try:
        house.auth.register(body=new)
    except Conflict as problem:
        print(problem.code, problem.request_id)
```
""",
        ),
        ("house\\.catalog", "house.auth"),
    ],
    "clients/python/cathouse_client/pages.py": [
        (
            r"cat (in a?iterate\(house)\.catalog\.list_cats, q=\"task\"",
            r'user \1.auth.list_users, q="ada"',
        ),
    ],
    "clients/typescript/README.md": [
        *_EXAMPLE_OF_A_CLIENT,
        (
            r"^await house\.post\(\"/api/v1/auth/register\", \{\n(?:.*\n)*?```\n",
            """\
const body = { email: "ada@example.com", password: "correct horse battery", display_name: "Ada" };
await house.post("/api/v1/auth/register", { body });
await house.signIn("ada@example.com", "correct horse battery");
console.log((await house.get("/api/v1/auth/me")).display_name);

try {
  await house.post("/api/v1/auth/register", { body });
} catch (error) {
  if (!(error instanceof Conflict)) throw error;
  console.log(error.code, error.requestId);
}
```
""",
        ),
        (r"^`examples/journey\.ts` is .*\n", ""),
    ],
    "clients/typescript/src/client.ts": [
        (r"^const ADOPTIONS = .*\n", ""),
        (r"^/\*\* The request of `callCat`.*\nexport interface CatRequest (?:.*\n)*?\}\n\n", ""),
        (r"^  /\*\*\n   \* Call a cat (?:.*\n)*?  \}\n\n(?=  /\*\* Return a response)", ""),
        (r"^    if \(request\.method === \"POST\" (?:.*\n)*?    \}\n", ""),
        (r"\n/\*\* Return the path of a proxied call(?:.*\n)*?\}\n", ""),
    ],
    "clients/typescript/src/index.ts": [("type CatRequest, ", "")],
    "compose.dev.yaml": [
        (r"^  (?:PROXY_ALLOW_PRIVATE_UPSTREAMS|CATALOG_ALLOW_HTTP_ENDPOINTS): .*\n", "")
    ],
    "deploy/prometheus/record-success.sh": [
        (
            "The alerts BackupLate and PruneLate read the times of the tasks `backup` and `prune-audit`.",
            "The alert BackupLate reads the time of the task `backup`.",
        )
    ],
    "docs/how-to/respond-to-alerts.md": [
        (r"^## (?:CallsFailing|CatsCutOff|PruneLate)\n(?:(?!## ).*\n)+", ""),
        (r"^\| a cat \|.*\n", ""),
    ],
    "docs/how-to/set-up-monitoring.md": [
        (
            "record-success.sh prune-audit docker compose run --rm prune-audit --older-than 90",
            "record-success.sh backup deploy/compose/backup.sh cathouse.dump",
        ),
        (", `PruneLate`", ""),
    ],
    "docs/how-to/work-with-the-running-stack.md": [
        ("fifty people, thirty cats, adoptions, reviews, calls; once", "fifty people; once")
    ],
    "README.md": [
        (
            r"a developer publishes a cat, a player adopts it and calls it through the\nproxy\. `make help`",
            "people register and sign in.\n`make help`",
        )
    ],
    "Makefile": [("with people, cats, adoptions, reviews and calls;", "with people;")],
    "docs/reference/security-events.md": [(r"^\| `(?:cat|credential|endpoint)_\w+`.*\n", "")],
    "docs/troubleshooting.md": [
        (r"^\| `(?:cat_\w+|headers_too_large|may not delete from the audit)`.*\n", ""),
        (r"^\| `(?:owner_disabled|scope_missing|unknown_credential)`.*\n", ""),
    ],
    "docs/reference/nix.md": [
        (r"^\| `aiohttp` \|.*\n", ""),
        (", `multidict`", ""),
        (", `semver`", ""),
        (", `yarl`", ""),
    ],
    "platform/cathouse_platform/security_events.py": [
        (r"^    (?:CAT|CREDENTIAL|ENDPOINT)_\w+ = .*\n", "")
    ],
    "tests/browser/browsing.py": [
        (r'^(PROXIED = "/traces\?route=)/proxy/\{installation_id\}"', r'\1/auth/me"'),
        (r'\("proxy", "catalog", "installation"\)', '("auth",)'),
        ("api\\?service=catalog", "api?service=auth"),
        (' The name of the route contains "installation" too\\.', ""),
    ],
    "tests/browser/screenshots.py": [("#service-proxy", "#service-auth")],
    "tests/kubernetes/test_manifests.py": [
        (', "prune-audit"', ""),
        ("CronJobs backup and prune-audit", "the CronJob backup"),
    ],
    "tests/monitoring/prometheus.py": [(r'^kube_cronjob_.*"prune-audit".*\n', "")],
    "tests/monitoring/test_commands.py": [("prune-audit", "backup")],
    "tests/nix/test_images.py": [(r'^.*images\["proxy"\].*\n', "")],
    "tools/scaffold/rendered/files/compose.yaml.j2": [
        (r"^  # Deletes old rows of the audit\.(?:.*\n)*?\n", ""),
        (
            "# The proxy reaches cats through",
            "# Services that call addresses outside do so through",
        ),
    ],
    "tools/scaffold/rendered/files/deploy/gateway/Caddyfile.j2": [
        (r" A cat may have a path of this name behind the proxy\.", ""),
        (
            r"# Only the proxy has paths that are not its own: those of cats\.",
            "# Only a service that calls addresses outside may have paths that are not its own.",
        ),
        ("within the limits of the proxied call; then", "within this limit; then"),
    ],
    "tools/scaffold/rendered/files/deploy/gateway/site/index.html.j2": [
        (r"The API of a marketplace where players adopt cats\. ", "")
    ],
    "tools/scaffold/rendered/files/deploy/grafana/services.json.j2": [
        _MEDIATED,
        ("without probes and mediated calls", "without probes"),
    ],
    "tools/scaffold/rendered/files/deploy/prometheus/rules.yaml.j2": [
        _MEDIATED,
        (r"^      - alert: (?:CallsFailing|CatsCutOff|PruneLate)\n(?:        .*\n)+", ""),
        (
            r", and mediated calls where a cat is\. Neither is a failure",
            ". That is no failure",
        ),
    ],
    "tools/scaffold/rendered/files/deploy/swarm/services.yaml.j2": [
        ("# The proxy reaches cats through", "# Services that call addresses outside do so through")
    ],
    "tools/scaffold/rendered/files/docs/explanation/architecture.svg.j2": [
        (r'^    \((?:programs|cats), ".*\n', ""),
        (r"^{% set (?:cats|programs) = .*\n", ""),
        (r"^{% if service\.outside %}\n(?:  .*\n)+{% endif %}\n", ""),
    ],
    "tools/scaffold/rendered/files/process-compose.yaml.j2": [
        (r"^  tasks:\n(?:    .*\n)+\n", ""),
        (r"^      tasks:\n        condition: .*\n", ""),
        (r"^#.* tasks, a cat to adopt .*\n", ""),
        (r'^  - "(?:PROXY_ALLOW_PRIVATE_UPSTREAMS|CATALOG_ALLOW_HTTP_ENDPOINTS)=.*\n', ""),
    ],
    "tools/scaffold/tests/test_names.py": [
        (r'^.*\("tasks", "process-compose\.yaml has.*\n', ""),
        (r'^.*\("installations", "PREFIX=.*\n', ""),
        (r'^.*\(8010, "PORT=8010.*\n', ""),
    ],
    "tools/scaffold/rendered/regions/README.md/architecture.j2": [
        (r"^    (?:programs|cats)\(\[.*\n", ""),
        (r"^{% for service in services if service\.outside %}\n(?:    .*\n)+{% endfor %}\n", ""),
    ],
    "tools/stack/README.md": [
        ("people, cats, adoptions, reviews and calls", "people"),
        (
            r"Its options `--create-admin COMMAND` and `--cat URL` are",
            "Its option `--create-admin COMMAND` is",
        ),
    ],
    "tools/stack/cathouse_stack/__main__.py": [
        (r'^    walk\.add_argument\(\n        "--cat",\n(?:        .*\n)+    \)\n', ""),
        (r"^ +cat=arguments\.cat or .*\n", ""),
        (r"^ +from cathouse_stack\.ports import other_ports\n(?=.*seed import)", ""),
        (r"^ +cat = f.*\n", ""),
        (r", cat=cat\)", ")"),
        ("create people, cats, adoptions, reviews and calls", "create people"),
    ],
    "tools/stack/cathouse_stack/demo.py": [
        ("new accounts and a new cat, so", "new accounts, so"),
        (r'^    cat: str\n    """The URL of the example cat.*\n', ""),
        (r"^ +(?:cat = publish|find|adopted = adopt|use|pause|read_audit)\(.*\n", ""),
        (r'^ +(?:approve\(|ada\.does\("approves the cat").*\n', ""),
    ],
    "tools/stack/cathouse_stack/seed.py": [
        (
            "data for a marketplace: people, cats, adoptions, reviews and proxied calls",
            "data: people",
        ),
        (r"^( +)cats = \[\n(?:.*\n)*?\1\]\n", ""),
        (r"^ +(?:numbers = range|list\(threads\.map\(lambda \w+: work\.adopt).*\n", ""),
        (r"^( +)(?:admin|developers|players) = (?=work|list)", r"\1"),
    ],
}
"""Texts about removed parts, as patterns, and their replacements. A pattern begins and ends at lines if it has a ^."""
