"""The stand-in responds as the API descriptions of the services allow."""

import httpx
from cathouse_kit.testing import Descriptions

from .stand_in import PERSON, StandIn, problem


def test_the_stand_in_responds_as_the_services_do(descriptions: Descriptions) -> None:
    me = iter([httpx.Response(200, json=PERSON), problem(401, "unauthenticated")])
    transport = StandIn(lambda request: next(me))
    with httpx.Client(transport=transport, base_url="http://gateway.test/api/v1/auth") as client:
        for response in (
            client.post("/login", data={"username": "ada@example.com", "password": "a"}),
            client.post("/refresh", json={"refresh_token": "refresh-0"}),
            client.get("/me"),
            client.get("/me"),
        ):
            descriptions.check(response.request, response)
