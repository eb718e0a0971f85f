"""Routes for other services."""

from cathouse_kit.database import Session
from cathouse_kit.problems import problem_responses
from cathouse_kit.security import service_only
from fastapi import APIRouter, Depends

from cathouse_catalog.routers.parameters import CatId
from cathouse_catalog.schemas.cats import CatBody
from cathouse_catalog.services import access
from cathouse_catalog.services.errors import CatNotFound

router = APIRouter(
    prefix="/api/v1/catalog/internal", tags=["internal"], dependencies=[Depends(service_only)]
)


@router.get(
    "/cats/{cat_id}",
    response_model=CatBody,
    responses=problem_responses(CatNotFound),
    summary="Get a cat of any status, with all fields",
)
async def read_whole_cat(cat_id: CatId, session: Session) -> CatBody:
    return CatBody.of(await access.get_cat(session, cat_id), whole=True)
