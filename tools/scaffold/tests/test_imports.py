"""The import rules name every service."""

import tomllib
from pathlib import Path

from cathouse_kit.registry import Service
from cathouse_scaffold.imports import import_rules

ROOT = Path(__file__).parents[3]


def test_every_import_rule_for_services_names_all_of_them(services: tuple[Service, ...]) -> None:
    packages = {service.package for service in services}
    written = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    rules = tomllib.loads(import_rules(ROOT))["tool"]["importlinter"]
    lists = [
        rules["root_packages"],
        *(
            contract[field]
            for contract in rules["contracts"]
            for field in ("modules", "forbidden_modules", "containers")
            if field in contract
        ),
    ]
    assert sum(packages <= set(modules) for modules in lists) == written.count('"{services}"') == 4
    assert not any("{services}" in modules for modules in lists)
