from enum import StrEnum


class CatSort(StrEnum):
    NAME = "name"
    NEWEST = "newest"
    RATING = "rating"
    RELEVANCE = "relevance"

    def __str__(self) -> str:
        return str(self.value)
