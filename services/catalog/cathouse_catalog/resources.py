"""Resources that only catalog has. The app stores them as `app.state.resources`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from cathouse_catalog.services.adoptions import Adoptions
from cathouse_catalog.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    settings: Settings
    """Has the quotas, and the permission for endpoints with plain http."""
    adoptions: Adoptions


async def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


ResourcesDep = Annotated[Resources, Depends(_resources)]
"""To use the resources in a route, declare a parameter of this type."""
