"""The import rules name every service."""

import tomllib
from pathlib import Path

from cathouse_kit.registry import Service
from cathouse_scaffold.imports import import_rules

ROOT = Path(__file__).parents[3]


def test_every_rule_is_about_every_service(services: tuple[Service, ...]) -> None:
    packages = {service.package for service in services}
    rules = tomllib.loads(import_rules(ROOT))["tool"]["importlinter"]
    lists = {
        "root packages": rules["root_packages"],
        **{
            contract["name"]: [
                module
                for field in ("modules", "forbidden_modules", "containers")
                for module in contract.get(field, ())
            ]
            for contract in rules["contracts"]
        },
    }
    assert len(lists) >= 4
    for name, modules in lists.items():
        assert packages <= set(modules), name
        assert "{services}" not in modules, name
