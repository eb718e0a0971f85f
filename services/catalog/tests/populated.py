"""Who calls catalog in the tests of every service's contract, and what is there then."""

from typing import TYPE_CHECKING

from cathouse_kit.tokens import Role

if TYPE_CHECKING:
    from tests.contracts.surroundings import Populating, Surroundings


async def populate(populating: "Populating") -> "Surroundings":
    callers = {
        "player": populating.issuer.headers(Role.PLAYER),
        "developer": populating.issuer.headers(Role.DEVELOPER),
        "other_developer": populating.issuer.headers(Role.DEVELOPER),
        "admin": populating.issuer.headers(Role.ADMIN),
    }
    cats = "/api/v1/catalog/cats"
    ids: list[str] = []
    for actions in ((), ("submit",), ("submit", "approve"), ("submit", "approve", "suspend")):
        manifest = populating.cat | {"slug": f"cat-{len(ids)}"}
        cat = await populating.post(cats, json=manifest, headers=callers["developer"])
        ids.append(cat["id"])
        for action in actions:
            who = callers["developer" if action == "submit" else "admin"]
            await populating.post(f"{cats}/{cat['id']}/{action}", headers=who)
    return populating.surroundings(callers, {"cat_id": ids})
