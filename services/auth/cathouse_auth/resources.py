"""Resources that only auth has. The app keeps them as `app.state.resources`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from cathouse_auth.services.attempts import Attempts
from cathouse_auth.services.keys import SigningKeys
from cathouse_auth.services.passwords import Passwords


@dataclass(slots=True)
class Resources:
    keys: SigningKeys
    passwords: Passwords
    attempts: Attempts


async def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


ResourcesDep = Annotated[Resources, Depends(_resources)]
"""Declare a parameter of this type to get the resources in a route."""
