"""What catalog holds beside what every service does."""

from typing import Annotated

from cathouse_kit.service_context import ServiceContext
from fastapi import Depends, Request

from cathouse_catalog.services.adoptions import Adoptions
from cathouse_catalog.settings import Settings


async def _limits(request: Request) -> Settings:
    settings: Settings = request.app.state.context.settings
    return settings


async def _adoptions(request: Request) -> Adoptions:
    context: ServiceContext = request.app.state.context
    return Adoptions(context.clients["installation"])


Limits = Annotated[Settings, Depends(_limits)]
"""What a route declares to get the settings, for their quotas and what they allow."""

AdoptionsOfPlayers = Annotated[Adoptions, Depends(_adoptions)]
"""What a route declares to learn who has adopted a cat."""
