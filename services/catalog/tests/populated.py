"""The callers and the data of catalog for the tests of every service's contract."""

from typing import TYPE_CHECKING

from cathouse_platform.platform import Role

if TYPE_CHECKING:
    from tests.contracts.surroundings import Populating, Surroundings

MOVED = "https://moved.example.com"


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
    # Two cats with a pending endpoint: one to approve, one to reject.
    for slug in ("moved-1", "moved-2"):
        manifest = populating.cat | {"slug": slug}
        cat = await populating.post(cats, json=manifest, headers=callers["developer"])
        ids.append(cat["id"])
        await populating.post(f"{cats}/{cat['id']}/submit", headers=callers["developer"])
        await populating.post(f"{cats}/{cat['id']}/approve", headers=callers["admin"])
        moved = await populating.client.patch(
            f"{cats}/{cat['id']}", json={"endpoint_url": MOVED}, headers=callers["developer"]
        )
        assert moved.json()["pending_endpoint_url"] == MOVED
    known = {"cat_id": ids, "endpoint_url": [MOVED], "version": ["1.0.0", "1.2.0"]}
    return populating.surroundings(callers, known)
