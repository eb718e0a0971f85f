"""What auth holds beside what every service does. The app keeps it as `app.state.auth`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from cathouse_auth.services.attempts import Attempts
from cathouse_auth.services.keys import SigningKeys
from cathouse_auth.services.passwords import Passwords


@dataclass(slots=True)
class Auth:
    keys: SigningKeys
    passwords: Passwords
    attempts: Attempts


async def _auth(request: Request) -> Auth:
    auth: Auth = request.app.state.auth
    return auth


Resources = Annotated[Auth, Depends(_auth)]
"""What a route declares to get them."""
