"""An age such as `15m`, as a span of the day: the console form of log lines has no date."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cathouse_stack.errors import StackError

_AGE = re.compile(r"(\d{1,5})([smh])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


@dataclass(frozen=True, slots=True)
class Since:
    """The times of day from `begin` on. Where midnight lies between, those up to `end` too."""

    begin: str
    end: str

    def includes(self, time_of_day: str) -> bool:
        if self.begin <= self.end:
            return time_of_day >= self.begin
        return time_of_day >= self.begin or time_of_day <= self.end


def parse_since(text: str, now: datetime) -> Since:
    """Return the span from so long before `now` on. Raises `StackError` for what is no age of less than a day."""
    found = _AGE.fullmatch(text)
    age = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(days=1)
    if age >= timedelta(days=1):
        raise StackError(f"SINCE={text}: give an age of less than a day, such as 90s, 15m or 2h")
    # A line may be written while it is looked for.
    end = now + timedelta(minutes=1)
    return Since(
        *(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}" for moment in (now - age, end))
    )
