"""What to simulate, apart from how: a load need not import the simulators."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from setia.errors import UsageError


@dataclass(frozen=True)
class Plan:
    """What to simulate: `customers` arrive in all over `months`; `dirt` is the share of rows made dirty."""

    seed: int
    customers: int
    months: int
    start: date = date(2024, 1, 1)
    dirt: float = 0.01

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("customers", self.customers, 1, 100_000_000),
            ("months", self.months, 1, 600),
            ("dirt", self.dirt, 0, 0.5),
        ):
            if not low <= value <= high:
                raise UsageError(
                    f"{name} is {value}.", f"It lies between {low} and {high}.", f"Set --{name} within that."
                )

    @property
    def end(self) -> date:
        """The first day after the history, the same day of the month as `start` where that exists."""
        years, month = divmod(self.start.month - 1 + self.months, 12)
        year = self.start.year + years
        return date(year, month + 1, min(self.start.day, monthrange(year, month + 1)[1]))

    @property
    def days(self) -> int:
        """How many local days the history has."""
        return (self.end - self.start).days
