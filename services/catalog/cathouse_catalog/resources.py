"""Resources that only catalog has. The app keeps them as `app.state.resources`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from cathouse_catalog.services.adoptions import Adoptions
from cathouse_catalog.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    settings: Settings
    """Quotas, and whether endpoints may use plain http."""
    adoptions: Adoptions


async def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


ResourcesDep = Annotated[Resources, Depends(_resources)]
"""Declare a parameter of this type to get them in a route."""
