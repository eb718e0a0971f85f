"""Categories."""

from cathouse_kit.schemas import ResponseBody
from pydantic import Field


class CategoryBody(ResponseBody):
    category: str = Field(
        max_length=40,
        description="Give it as `category` to list its cats",
        examples=["productivity"],
    )
    count: int = Field(description="Published cats in it", examples=[12])
