"""The public keys that cats use to verify that a call came from Cat House."""

from cathouse_kit.security import anyone
from cathouse_kit.signing_keys import KeySet
from fastapi import APIRouter, Depends, Response

from cathouse_proxy.resources import ResourcesDep
from cathouse_proxy.services.call import PREFIX

router = APIRouter(prefix=PREFIX, tags=["keys"], dependencies=[Depends(anyone)])


@router.get("/jwks", response_model=KeySet, summary="Get the public keys of identity tokens")
async def jwks(resources: ResourcesDep, response: Response) -> dict[str, object]:
    response.headers["Cache-Control"] = "public, max-age=60"
    return {"keys": await resources.keys.published()}
