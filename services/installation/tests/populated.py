"""The callers and the data of installation for the tests of every service's contract."""

from typing import TYPE_CHECKING

from cathouse_platform.platform import Role

if TYPE_CHECKING:
    from tests.contracts.surroundings import Populating, Surroundings


async def populate(populating: "Populating") -> "Surroundings":
    player = populating.issuer.headers(Role.PLAYER, populating.others.player_id)
    adoption = {
        "cat_id": str(populating.others.cat_id),
        "granted_scopes": [populating.scope["name"]],
    }
    adopted = await populating.post("/api/v1/installations", json=adoption, headers=player)
    return populating.surroundings(
        {
            "player": player,
            "other_player": populating.issuer.headers(Role.PLAYER),
            "developer": populating.issuer.headers(Role.DEVELOPER),
        },
        {
            "installation_id": [adopted["installation"]["id"]],
            "credential": [adopted["credential"]],
            "cat_id": [str(populating.others.cat_id)],
            "granted_scopes": [[populating.scope["name"]]],
        },
    )
