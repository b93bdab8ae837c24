"""The instant that a run speaks of: asked for, or the newest that the loaded data covers; never the clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from setia.errors import UsageError


def parse(text: str, zone: ZoneInfo) -> datetime:
    """The exclusive UTC instant that `--as-of` means.

    A date means the end of that day in the reporting zone, so that the day itself is in; an instant means
    itself, in the reporting zone when it names none. Raises UsageError for anything else.
    """
    try:
        if len(text) == len("2023-07-20"):
            day = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(day, time(), zone).astimezone(UTC)
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is neither a date nor an instant.",
            "It looks like 2023-07-20 or 2023-07-20T15:00:00+07:00.",
            "setia run --as-of 2023-07-20",
        ) from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def text(instant: datetime) -> str:
    """The instant as dbt's variable and the ledger carry it: `2023-07-20 17:00:00+00:00`."""
    return instant.astimezone(UTC).isoformat(sep=" ")


def local(instant: str, zone: ZoneInfo) -> str:
    """How people read an exclusive instant: the last whole day before it, or the minute itself."""
    at = datetime.fromisoformat(instant).astimezone(zone)
    if at.time() == time():
        return (at - timedelta(days=1)).date().isoformat()
    return at.strftime("%Y-%m-%d %H:%M")
