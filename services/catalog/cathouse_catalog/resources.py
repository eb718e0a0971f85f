"""What catalog holds beside what every service does."""

from typing import Annotated

from cathouse_kit.resources import Kit
from fastapi import Depends, Request

from cathouse_catalog.services.adoptions import Adoptions
from cathouse_catalog.settings import Settings


async def _limits(request: Request) -> Settings:
    settings: Settings = request.app.state.kit.settings
    return settings


async def _adoptions(request: Request) -> Adoptions:
    kit: Kit = request.app.state.kit
    return Adoptions(kit.peers["installation"])


Limits = Annotated[Settings, Depends(_limits)]
"""What a route declares to get the settings, for their quotas and what they allow."""

AdoptionsOfPlayers = Annotated[Adoptions, Depends(_adoptions)]
"""What a route declares to learn who has adopted a cat."""
