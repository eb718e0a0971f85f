"""The public keys that verify access tokens."""

from cathouse_kit.security import anyone
from cathouse_kit.signing_keys import KeySet
from fastapi import APIRouter, Depends, Request, Response

from cathouse_auth.resources import Resources

router = APIRouter(prefix="/api/v1/auth", tags=["keys"], dependencies=[Depends(anyone)])


@router.get("/jwks", response_model=KeySet, summary="Public keys of access tokens")
async def jwks(request: Request, response: Response) -> dict[str, object]:
    # Not a dependency, which would cost a tenth of the time of this route. Every service requests it regularly.
    resources: Resources = request.app.state.resources
    response.headers["Cache-Control"] = "public, max-age=60"
    return {"keys": await resources.keys.published()}
