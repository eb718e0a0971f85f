"""What installation holds beside what every service does. The app keeps it as `app.state.installation`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from cathouse_installation.services.catalog import Catalog
from cathouse_installation.services.credentials import Credentials
from cathouse_installation.services.limits import Limits


@dataclass(frozen=True, slots=True)
class Held:
    catalog: Catalog
    credentials: Credentials
    limits: Limits


async def _held(request: Request) -> Held:
    held: Held = request.app.state.installation
    return held


Resources = Annotated[Held, Depends(_held)]
"""What a route declares to get them."""
