"""The keys with which everyone checks access tokens."""

from cathouse_kit.security import anyone
from cathouse_kit.signing_keys import KeySet
from fastapi import APIRouter, Depends, Response

from cathouse_auth.resources import Resources

router = APIRouter(prefix="/api/v1/auth", tags=["keys"], dependencies=[Depends(anyone)])


@router.get("/jwks", response_model=KeySet, summary="Public keys of access tokens")
async def jwks(auth: Resources, response: Response) -> dict[str, object]:
    response.headers["Cache-Control"] = "public, max-age=60"
    return {"keys": await auth.keys.published()}
