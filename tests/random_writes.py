"""Random values as SQL, for writes to any business's source tables."""

import random
from datetime import UTC, datetime, timedelta

from setia.warehouses import literal

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
SPAN = 500  # days


def moment(dice: random.Random, last: int = SPAN) -> str:
    """Some instant of the history as SQL; often near a local midnight or a month's end."""
    day = FIRST + timedelta(days=dice.randrange(last))
    if dice.random() < 0.3:
        day = day.replace(day=1) - timedelta(days=dice.choice((0, 1)))
    minutes = dice.choice((dice.randrange(1440), 1015, 1019, 1020, 1025))  # 17:00 UTC is midnight in Jakarta
    return literal((day + timedelta(minutes=minutes)).isoformat())


def day(dice: random.Random) -> str:
    return literal((FIRST + timedelta(days=dice.randrange(SPAN))).date().isoformat())


def upsert(table: str, **values: str) -> str:
    """SQL that writes a row, replacing that of its key."""
    key = next(iter(values))
    others = ", ".join(f"{name} = excluded.{name}" for name in values if name != key)
    return (
        f"insert into {table} ({', '.join(values)}) values ({', '.join(values.values())})"
        f" on conflict ({key}) do update set {others}"
    )
