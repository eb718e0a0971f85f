"""Bodies of reviews."""

from uuid import UUID

from cathouse_kit.schemas import Paragraphs, RequestBody, ResponseBody, Timestamp
from pydantic import Field

MAX_COMMENT = 2000


class NewReview(RequestBody):
    rating: int = Field(ge=1, le=5, strict=True, examples=[4])
    comment: Paragraphs = Field(default="", max_length=MAX_COMMENT, examples=["It keeps my tasks."])


class ReviewBody(ResponseBody):
    id: UUID
    cat_id: UUID
    user_id: UUID
    rating: int = Field(examples=[4])
    comment: str = Field(max_length=MAX_COMMENT, examples=["It keeps my tasks."])
    created_at: Timestamp
    updated_at: Timestamp
