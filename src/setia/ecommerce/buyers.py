"""Customers at past cutoffs and at as_of: what was known of them, who ordered, and simple scores beside any model."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray
from scipy.special import logit

from setia.prediction import lifetime_value
from setia.prediction.churn import Snapshot
from setia.prediction.lifetime_value import Customers, Models, Rules
from setia.prediction.recommend import Keys

Floats = NDArray[np.float64]
FEATURES = (
    "recency_days", "frequency", "customer_tenure_days", "exposure_days", "orders_per_month",
    "avg_days_between_orders", "order_total", "avg_order_total", "order_total_90d", "orders_last_90d",
    "orders_previous_90d", "order_trend_ratio", "rhythm",
)  # fmt: skip
GAP_DAYS = 7
"""dbt's variable label_gap_days."""
COLUMNS = FEATURES[:-1]
"""Those that the warehouse tells; rhythm is the chance of no order by MBG/NBD, of the customer's own times."""
CUTOFFS = 12
A_CUSTOMER_DAYS = 365
"""dbt's variable rfm_window_days: whoever has not ordered for longer is none whom one can lose."""


@dataclass(frozen=True)
class People:
    """Customers at a cutoff, by their key; `left` says who did not order in the days that begin after the gap."""

    cutoff: date
    keys: Keys
    features: Floats
    left: NDArray[np.bool_]

    def snapshot(self, days: int) -> Snapshot:
        """What churn is learned from."""
        since = self.cutoff + timedelta(days=1 + GAP_DAYS)
        return Snapshot(self.cutoff, since, since + timedelta(days=days), FEATURES, self.features, self.left)


@dataclass(frozen=True)
class Histories:
    """Everybody with an order by a day, by their key, as the models of purchases want it."""

    day: date
    keys: Keys
    customers: Customers

    def of(self, keys: Keys) -> NDArray[np.int64]:
        """The places of some of them."""
        return np.searchsorted(self.keys, keys)


def as_of(connection: DuckDBPyConnection) -> date | None:
    """The last day that is known; None without customers."""
    row = connection.execute("select max(as_of_date) from ecommerce_ml.ml_customer_features").fetchone()
    day: date | None = row[0] if row else None
    return day


def answered(connection: DuckDBPyConnection) -> list[date]:
    """The newest cutoffs after which it is known who ordered, the oldest first."""
    rows = connection.execute(
        "select distinct cutoff_date from ecommerce_ml.ml_customer_training"
        f" order by cutoff_date desc limit {CUTOFFS}"
    ).fetchall()
    return [day for (day,) in reversed(rows)]


def people(connection: DuckDBPyConnection, cutoff: date, days: int) -> People:
    """Customers at a past cutoff, by what models of their purchases up to it tell of so many days."""
    known = histories(connection, cutoff)
    of = f"ml_customer_training where cutoff_date = date '{cutoff}'"
    return _people(connection, known, lifetime_value.learn(known.customers), days, ("is_churned = 1", of))


def people_now(connection: DuckDBPyConnection, known: Histories, learnt: Models | str, days: int) -> People:
    """Customers at as_of."""
    of = f"ml_customer_features where recency_days < {A_CUSTOMER_DAYS}"
    return _people(connection, known, learnt, days, ("false", of))


def _people(
    connection: DuckDBPyConnection, known: Histories, learnt: Models | str, days: int, of: tuple[str, str]
) -> People:
    columns = ", ".join(f"cast({name} as double) as {name}" for name in COLUMNS)
    rows = connection.execute(
        f"select customer_id, {columns}, {of[0]} as has_left from ecommerce_ml.{of[1]} order by customer_id"
    ).to_arrow_table()
    features = [_floats(rows.column(name)) for name in COLUMNS]
    has_left = rows.column("has_left").to_numpy(zero_copy_only=False).astype(bool)
    keys = rows.column("customer_id").to_numpy(zero_copy_only=False)
    features.append(_rhythm(known, learnt, keys, days))
    return People(known.day, keys, np.ascontiguousarray(np.column_stack(features)), has_left)


def _rhythm(known: Histories, learnt: Models | str, keys: Keys, days: int) -> Floats:
    if isinstance(learnt, str):
        return np.full(len(keys), np.nan)
    told = lifetime_value.forecast(known.customers, learnt, Rules(churn_days=float(days)))
    return told.no_order[known.of(keys)]


def _floats(column: Any) -> Floats:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def histories(connection: DuckDBPyConnection, day: date) -> Histories:
    """Everybody who ordered by the end of a day, with the segment of as_of."""
    rows = connection.execute(f"""
        with days as (
            select
                customer_id,
                order_date,
                sum(net_total) as spent,
                row_number() over (partition by customer_id order by order_date) as place
            from ecommerce_marts.fct_orders
            where order_date <= date '{day}'
            group by customer_id, order_date
        )

        select
            days.customer_id,
            cast(count(*) - 1 as double) as repeats,
            cast(max(order_date) - min(order_date) as double) as recency,
            cast(date '{day}' - min(order_date) as double) as age,
            cast(coalesce(avg(case when place > 1 then spent end), 0) as double) as mean_value,
            coalesce(max(segments.customer_segment), 'none') as segment
        from days
        left join ecommerce_marts.dim_customer_segments as segments using (customer_id)
        group by days.customer_id
        order by days.customer_id
    """).to_arrow_table()
    repeats, recency, age, mean = (_floats(rows.column(place)) for place in range(1, 5))
    segment = rows.column("segment").to_numpy(zero_copy_only=False).astype(str)
    # A refund may be of more than was paid: whoever cost money was worth none.
    customers = Customers(repeats, recency, age, np.maximum(mean, 0.0), segment)
    return Histories(day, rows.column("customer_id").to_numpy(zero_copy_only=False), customers)


def baselines(features: Floats) -> dict[str, Floats]:
    """Simple scores: days since the last order, the tutorial's rule, and the chance of no order by MBG/NBD."""
    columns = dict(zip(FEATURES, features.T, strict=True))
    recency = columns["recency_days"]
    rule = np.select(
        [(recency > 180) & (columns["frequency"] == 1), recency > 120, recency > 90], [3.0, 2.0, 1.0], 0.0
    )
    rhythm = logit(np.clip(np.nan_to_num(columns["rhythm"], nan=0.5), 1e-9, 1 - 1e-9))
    return {"recency": np.log1p(recency), "rules": rule, "rhythm": rhythm}
