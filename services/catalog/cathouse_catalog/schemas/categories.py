"""Bodies of the list of categories."""

from cathouse_kit.schemas import ResponseBody
from pydantic import Field


class CategoryBody(ResponseBody):
    category: str = Field(
        max_length=40,
        description="To list its cats, pass it as `category`",
        examples=["productivity"],
    )
    count: int = Field(description="Number of published cats in it", examples=[12])
