"""The parts of the repository that only the marketplace of cats needs: a skeleton is created without them."""

SERVICES = ("catalog", "installation", "proxy")

PATHS = (
    *(f"services/{name}" for name in SERVICES),
    *(f"docs/openapi/{name}.json" for name in SERVICES),
    *(f"docs/openapi/released/{name}.json" for name in SERVICES),
    *(f"deploy/kubernetes/base/{name}.yaml" for name in SERVICES),
    "bench",
    "clients/python/tests",
    "clients/typescript/examples",
    "clients/typescript/test",
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
    "tests/template",
    "tests/tutorial",
    "tools/scaffold/rendered/files/tests",
    "tools/scaffold/rendered/regions/tests",
)
"""Folders and files about cats, their players and their developers, and tests that need a whole marketplace."""

LISTS = (".github/CODEOWNERS", "ci/run", "pyproject.toml", "requirements/packages.txt")
"""Files that list parts of the repository, one a line. The lines of removed parts go."""

TARGETS = ("bench",)
"""Targets of the Makefile that run removed parts."""

DEFINITIONS = {
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

CHANGES: dict[str, list[tuple[str, str]]] = {
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
    "tests/nix/test_images.py": [(r'^.*images\["proxy"\].*\n', "")],
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
    "tools/stack/cathouse_stack/__main__.py": [
        ("create people, cats, adoptions, reviews and calls", "create people")
    ],
    "tools/stack/cathouse_stack/demo.py": [
        ("new accounts and a new cat, so", "new accounts, so"),
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
