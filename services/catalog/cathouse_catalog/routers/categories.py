"""The list of categories."""

from cathouse_kit.database import Session
from cathouse_kit.pagination import Paging
from cathouse_kit.schemas import Page
from cathouse_kit.security import anyone
from fastapi import APIRouter, Depends

from cathouse_catalog.schemas.categories import CategoryBody
from cathouse_catalog.services import categories

router = APIRouter(
    prefix="/api/v1/catalog/categories", tags=["categories"], dependencies=[Depends(anyone)]
)


@router.get(
    "", response_model=Page[CategoryBody], summary="List categories, with their number of cats"
)
async def list_categories(session: Session, page: Paging) -> Page[CategoryBody]:
    """The list holds every category with a published cat, in alphabetical order."""
    found, next_cursor = await categories.list_categories(session, page)
    items = [CategoryBody(category=category, count=count) for category, count in found]
    return Page(items=items, next_cursor=next_cursor)
