"""The callers and the data of proxy for the tests of every service's contract."""

from typing import TYPE_CHECKING

from cathouse_kit.testing import bearer
from cathouse_platform.platform import Role

if TYPE_CHECKING:
    from tests.contracts.surroundings import Populating, Surroundings


async def populate(populating: "Populating") -> "Surroundings":
    return populating.surroundings(
        {
            "installation": bearer(populating.others.credential),
            "player": populating.issuer.headers(Role.PLAYER, populating.others.player_id),
            "other_player": populating.issuer.headers(Role.PLAYER),
            "admin": populating.issuer.headers(Role.ADMIN),
        },
        {"installation_id": [str(populating.others.installation_id)], "path": ["tasks"]},
    )
