"""Resources that only installation has. The app stores them as `app.state.resources`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from cathouse_installation.services.catalog import Catalog
from cathouse_installation.services.credentials import Credentials
from cathouse_installation.services.limits import Limits


@dataclass(frozen=True, slots=True)
class Resources:
    catalog: Catalog
    credentials: Credentials
    limits: Limits


async def _resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


ResourcesDep = Annotated[Resources, Depends(_resources)]
"""To use the resources in a route, declare a parameter of this type."""
