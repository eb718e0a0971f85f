"""Guards of routes for people of one role. `cathouse_kit.security` has all other guards."""

from typing import Annotated

from cathouse_kit.security import require_role
from cathouse_kit.tokens import Principal
from fastapi import Depends

from cathouse_platform.platform import Role

Player = Annotated[Principal, Depends(require_role(Role.PLAYER))]
Developer = Annotated[Principal, Depends(require_role(Role.DEVELOPER))]
Admin = Annotated[Principal, Depends(require_role(Role.ADMIN))]
