from enum import StrEnum


class Status(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    UNINSTALLED = "uninstalled"

    def __str__(self) -> str:
        return str(self.value)
