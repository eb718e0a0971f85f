from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    DEVELOPER = "developer"
    PLAYER = "player"

    def __str__(self) -> str:
        return str(self.value)
