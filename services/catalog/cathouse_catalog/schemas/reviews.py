"""What people think of cats."""

from uuid import UUID

from cathouse_kit.schemas import Paragraphs, RequestBody, ResponseBody, Timestamp
from pydantic import Field


class NewReview(RequestBody):
    rating: int = Field(ge=1, le=5, strict=True, examples=[4])
    comment: Paragraphs = Field(default="", max_length=2000, examples=["It keeps my tasks."])


class ReviewBody(ResponseBody):
    id: UUID
    cat_id: UUID
    user_id: UUID
    rating: int = Field(examples=[4])
    comment: str = Field(examples=["It keeps my tasks."])
    created_at: Timestamp
    updated_at: Timestamp
