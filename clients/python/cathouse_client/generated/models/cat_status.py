from enum import StrEnum


class CatStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    REJECTED = "rejected"
    SUBMITTED = "submitted"
    SUSPENDED = "suspended"

    def __str__(self) -> str:
        return str(self.value)
