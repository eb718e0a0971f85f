"""The callers and the data of auth for the tests of every service's contract."""

from typing import TYPE_CHECKING, Any

import asyncpg
from cathouse_kit.testing import bearer

if TYPE_CHECKING:
    from tests.contracts.surroundings import Populating, Surroundings


async def populate(populating: "Populating") -> "Surroundings":
    """Create the people in the database of auth, and return their tokens and ids."""
    people = {name: await _join(populating, name) for name in ("player", "admin", "bystander")}
    developer = await _join(populating, "developer", role="developer")
    connection = await asyncpg.connect(populating.database_url)
    await connection.execute("update people set role = 'admin' where display_name = 'admin'")
    await connection.close()
    bystander = people.pop("bystander")
    return populating.surroundings(
        {
            name: bearer(person["access_token"])
            for name, person in (people | {"developer": developer}).items()
        },
        {
            "person_id": [bystander["id"]],
            "username": [bystander["email"]],
            "password": [bystander["password"]],
            "refresh_token": [bystander["refresh_token"]],
            "current_password": [people["player"]["password"]],
        },
    )


async def _join(populating: "Populating", name: str, **more: str) -> dict[str, Any]:
    person = {"email": f"{name}@example.com", "password": "battery staple"}
    created = await populating.post(
        "/api/v1/auth/register", json=person | {"display_name": name} | more
    )
    form = {"username": person["email"], "password": person["password"]}
    return created | person | await populating.post("/api/v1/auth/login", data=form)
