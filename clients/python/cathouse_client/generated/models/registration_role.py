from enum import StrEnum


class RegistrationRole(StrEnum):
    DEVELOPER = "developer"
    PLAYER = "player"

    def __str__(self) -> str:
        return str(self.value)
