"""Subscribers at past cutoffs and at as_of: what was known of them, who left, and simple scores beside any model."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from setia.prediction import retention
from setia.prediction.churn import Snapshot
from setia.prediction.retention import RetentionFit

Floats = NDArray[np.float64]
FEATURES = (
    "tenure_days", "stay_days", "period_days", "periods", "plans", "mrr", "is_on_trial", "has_discount", "is_ending",
    "failed_charges_84d", "is_unpaid", "failed_share", "method_failed_share", "watch_minutes_7d", "watch_minutes_28d",
    "watch_trend", "pace_7d", "pace_14d", "pace_28d", "active_days_28d", "completed_share_28d", "completed_share",
    "days_since_play", "avg_rating",
)  # fmt: skip
GAP_DAYS, GRACE_DAYS, SILENT_DAYS = 1, 14, 21
MONTH = 30.4
A_DAY = timedelta(days=1)


def as_of(connection: DuckDBPyConnection) -> date:
    """The newest cutoff: the last day that is known. The first of all days without any."""
    return max(cutoffs(connection), default=date.min)


def cutoffs(connection: DuckDBPyConnection) -> list[date]:
    """Every cutoff, the oldest first."""
    query = "select distinct cutoff_date from movie_streaming_ml.ml_user_snapshots order by 1"
    return [day for (day,) in connection.execute(query).fetchall()]


def answered(connection: DuckDBPyConnection, days: int) -> list[date]:
    """The cutoffs after which it is known by as_of who left within so many days, the oldest first."""
    known = as_of(connection)
    return [cutoff for cutoff in cutoffs(connection) if until(cutoff, days) - A_DAY <= known]


def until(cutoff: date, days: int) -> date:
    """The first day on which it is known who left: whoever renews late, within grace, did not."""
    return cutoff + timedelta(days=1 + GAP_DAYS + days + GRACE_DAYS)


@dataclass(frozen=True)
class People:
    """Subscribers at a cutoff; `leaves` is how many days after it they do, NaN when they do not."""

    cutoff: date
    users: NDArray[Any]
    features: Floats
    leaves: Floats
    unpaid: NDArray[np.bool_]

    @property
    def is_there(self) -> NDArray[np.bool_]:
        """Who does not leave in the gap: whoever acts on the scores has no time for those."""
        return ~(self.leaves <= GAP_DAYS)

    def left(self, days: int) -> NDArray[np.bool_]:
        """Of those who are there, who left within so many days after the gap."""
        return self.leaves[self.is_there] <= GAP_DAYS + days

    def snapshot(self, days: int) -> Snapshot:
        """What churn is learned from."""
        since = self.cutoff + timedelta(days=1 + GAP_DAYS)
        features = self.features[self.is_there]
        ends = until(self.cutoff, days)
        return Snapshot(self.cutoff, since, ends, FEATURES, features, self.left(days), ("is_ending",))

    def leavers(self, days: int) -> tuple[Floats, NDArray[np.bool_]]:
        """The features of those who left, and whether they did because charges failed."""
        those = self.left(days)
        return self.features[self.is_there][those], self.unpaid[self.is_there][those]


def people(connection: DuckDBPyConnection, cutoff: date) -> People:
    """Subscribers at a cutoff, by their key."""
    columns = ", ".join(f"cast({name} as double) as {name}" for name in FEATURES)
    rows = connection.execute(
        f"select user_id, {columns}, cast(leaves_on - date '{cutoff}' as double) as leaves,"
        " coalesce(leaves_how = 'payment_failed', false) as unpaid from movie_streaming_ml.ml_user_snapshots"
        f" where cutoff_date = date '{cutoff}' order by user_id"
    ).to_arrow_table()
    features = [rows.column(name).to_numpy(zero_copy_only=False) for name in (*FEATURES, "leaves")]
    table = np.column_stack([np.asarray(each, dtype=np.float64) for each in features])
    users = rows.column("user_id").to_numpy(zero_copy_only=False)
    unpaid = rows.column("unpaid").to_numpy(zero_copy_only=False).astype(bool)
    return People(cutoff, users, np.ascontiguousarray(table[:, :-1]), table[:, -1], unpaid)


@dataclass(frozen=True)
class Stays:
    """The first day of each stay and the first after it, as numbers; NaN while it goes on."""

    begins: Floats
    ends: Floats


def stays_of(connection: DuckDBPyConnection) -> Stays:
    """Every logical subscription."""
    rows = connection.execute(
        "select cast(start_date - date '1970-01-01' as double), cast(end_date - date '1970-01-01' as double)"
        " from movie_streaming_model.dim_logical_subscriptions"
    ).fetchnumpy()
    begins, ends = (np.ma.filled(values.astype(np.float64), np.nan) for values in rows.values())
    return Stays(begins, ends)


def renewals(stays: Stays, known: date) -> RetentionFit:
    """When subscribers renew or leave, a month each, by what was known by the end of that day."""
    return retention.fit_retention(*lives(stays, known))


def lives(stays: Stays, known: date) -> tuple[Floats, Floats]:
    """How many left at each renewal, the first one first; and how many had renewed so often and were still there."""
    day = (known - date(1970, 1, 1)).days
    begun = stays.begins <= day
    begins, ends = stays.begins[begun], stays.ends[begun]
    gone = ends <= day
    months = (np.where(gone, ends, day) - begins) / MONTH
    left = np.maximum(np.round(months[gone]).astype(np.int64) - 1, 0)
    renewed = np.floor(months[~gone]).astype(np.int64)
    size = int(max(left.max(initial=0), renewed.max(initial=0))) + 1
    stayed = np.bincount(renewed[renewed > 0] - 1, minlength=size)
    return np.bincount(left, minlength=size).astype(np.float64), stayed.astype(np.float64)


def baselines(features: Floats, cutoff: date, stays: Stays) -> dict[str, Floats]:
    """Simple scores: days since the last play, the rules of retargeting, and the chance not to renew."""
    columns = dict(zip(FEATURES, features.T, strict=True))
    silent = np.where(
        np.isnan(columns["days_since_play"]), columns["tenure_days"], columns["days_since_play"]
    )
    rule = np.select(
        [columns["is_ending"] > 0, columns["is_unpaid"] > 0, silent > SILENT_DAYS], [3.0, 2.0, 1.0], 0.0
    )
    fitted = renewals(stays, cutoff)
    renewed = columns["stay_days"] // MONTH
    hazard = fitted.alpha / (fitted.alpha + fitted.beta + renewed) if fitted.converged else 1 / (1 + renewed)
    return {"recency": np.log1p(silent), "rules": rule, "renewals": np.log(hazard)}
