"""What `make seed` makes, against the running stack."""

import pytest

from .platform import Platform
from .test_commands_of_a_service import command

pytestmark = pytest.mark.xdist_group("stack")


def test_a_marketplace_is_made_once(platform: Platform) -> None:
    first = command(platform, "seed").splitlines()
    assert first[0] == "Made 50 people, 30 cats, 120 installations, 240 calls, 90 reviews."
    params = {"q": "Amber", "limit": 100}
    cats = "/api/v1/catalog/cats"
    found = platform.done("GET", "catalog", cats, platform.player, params=params)
    assert {"Amber Task Keeper", "Amber Quiz Master"} <= {cat["name"] for cat in found["items"]}

    second = command(platform, "seed").splitlines()
    assert second == ["Nothing to do: everything is there already.", *first[1:]]
    password = (platform.stack.folder / ".state/seed_password").read_text()
    assert password not in "".join(first + second)
