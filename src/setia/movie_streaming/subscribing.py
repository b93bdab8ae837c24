"""Subscriptions: how they open, change, are cancelled, end, and come back."""

from typing import Any

import numpy as np
import pyarrow

from setia.movie_streaming.people import ACTIVE, GONE, GRACE, LEAVING, NONE, STALE_STATUS, TRIAL
from setia.movie_streaming.population import HOUR, SECOND, Array, Rows, Today, extend, view
from setia.movie_streaming.tables import SUBSCRIPTIONS
from setia.simulation import NEVER, NO_DATE, State, versions
from setia.simulation_rows import pa

PLANS = ("Basic", "Standard", "Premium")
PLAN_WORDS = pa.array([*PLANS, "basic", "STANDARD", "premium", " Basic", "Standard ", "  Premium "])
PRICES = np.array([50_000, 100_000, 150_000], np.int64) * 10_000
TRIAL_DAYS, TRIAL_SHARE, LATER_SHARE = 7, 0.45, 0.06
RETURN_SHARE, RETURN_DAYS = 0.36, 70
GRACE_DAYS, RETRY_DAYS = 14, (3, 7)
WIN_BACK_DISCOUNT = 0.2
STATUSES = pa.array(["active", "trial", "expired", "canceled"])
OPEN, ON_TRIAL, EXPIRED, CANCELED = range(4)
REASONS = pa.array(["too_expensive", "nothing_to_watch", "not_using", "technical_problems", "switched_service",
                    "payment_failed"])  # fmt: skip
NO_REASON, PAYMENT_FAILED = -1, 5
SUBSCRIPTION_ARRAYS = {
    "user": "i4", "plan": "i1", "start": "i4", "end": "i4", "status": "i1", "trial": "?", "renews": "?",
    "canceled_at": "i8", "reason": "i1", "discount": "i8", "updated": "i8", "dirt": "i1",
}  # fmt: skip


MONTH = np.timedelta64(1, "M")


def next_month(day: Array, anchor: Array) -> Array:
    """The same day of the next month, or its last day where the month is too short."""
    month = day.astype("datetime64[D]").astype("datetime64[M]") + MONTH
    first = month.astype("datetime64[D]").astype(np.int64)
    length = (month + MONTH).astype("datetime64[D]").astype(np.int64) - first
    return (first + np.minimum(anchor, length) - 1).astype(np.int32)


def subscribe(today: Today, why: str, who: Array, at: Array, trial: Array) -> Array:
    """Open a period for each of these users, from today; returns the indices of the new rows.

    Call it once a day for each `why`: joined, returned, won_back or turned.
    """
    users, rng = view(today.state, "user"), today.rng(f"subscribe/{why}")
    plan = users["plan"][who]
    columns = {
        "user": who,
        "plan": plan,
        "start": today.number,
        "end": NO_DATE,
        "status": np.where(trial, ON_TRIAL, OPEN),
        "trial": trial,
        "renews": True,
        "canceled_at": NEVER,
        "reason": NO_REASON,
        "discount": (PRICES[plan] * WIN_BACK_DISCOUNT).astype(np.int64) * (why == "won_back"),
        "updated": at,
        "dirt": np.where(rng.random(len(who)) < today.plan.dirt, rng.integers(1, 3, len(who)), 0),
    }
    new = extend(today.state, "subscription", columns, len(who))
    today.plant("subscriptions", new[columns["dirt"] > 0] + 1, "stray_text")
    users["subscription"][who] = new
    users["state"][who] = np.where(trial, TRIAL, ACTIVE)
    users["due"][who] = np.where(trial, today.number + TRIAL_DAYS, today.number)
    users["access_from"][who] = at
    return new


def _anchor(today: Today, who: Array) -> None:
    view(today.state, "user")["anchor"][who] = today.state.day.day


def welcome(today: Today, new: Array) -> Array:
    """New users take a trial, pay at once, or wait; returns those that pay today."""
    if not len(new):
        return new
    users, rng = view(today.state, "user"), today.rng("welcome")
    draw = rng.random(len(new))
    later = draw < LATER_SHARE
    users["returns"][new[later]] = today.number + 3 + rng.integers(0, 120, int(later.sum()))
    who, trial = new[~later], draw[~later] > 1 - TRIAL_SHARE
    users["listed"][who] = True
    subscribe(today, "joined", who, users["joined_at"][who], trial)
    _anchor(today, who)
    return who[~trial]


def come_back(today: Today) -> Array:
    """Those whose day to return is today subscribe and pay; returns them."""
    users, rng = view(today.state, "user"), today.rng("come_back")
    who = np.flatnonzero((users["returns"] == today.number) & np.isin(users["state"], (NONE, GONE)))
    if not len(who):
        return who
    at = today.start + rng.integers(9 * HOUR, 21 * HOUR, len(who))
    discounted = rng.random(len(who)) < 0.5
    for why, group in (("returned", ~discounted), ("won_back", discounted)):
        subscribe(today, why, who[group], at[group], np.zeros(int(group.sum()), bool))
    users["returns"][who] = NO_DATE
    users["engagement"][who] = 0.95
    users["fading"][who] = False
    users["satisfaction"][who] = 0.35 + 0.35 * users["match"][who]
    users["failures"][who] = 0
    users["listed"][who] = True
    users["updated"][who] = at
    _anchor(today, who)
    return who


def turn_periods(today: Today, due: Array) -> Array:
    """Trials become paid and some plans change, in a new row from today; returns those with a new row."""
    users, rng = view(today.state, "user"), today.rng("turn_periods")
    state, engaged = users["state"][due], users["engagement"][due]
    draw = rng.random(len(due))
    up = draw < np.where(engaged > 0.9, 0.022, 0.006)
    down = draw > 1 - np.where(engaged < 0.6, 0.03, 0.009)
    plan = np.clip(users["plan"][due] + up - down, 0, 2)
    changed = (state == ACTIVE) & (plan != users["plan"][due])
    turning = changed | (state == TRIAL)
    who = due[turning]
    if not len(who):
        return who
    at = today.start + rng.integers(1 * HOUR, 4 * HOUR, len(who))
    users["plan"][due[changed]] = plan[changed]
    old = view(today.state, "subscription")
    _close(old, users["subscription"][who], today.number, at, EXPIRED)
    converted = state[turning] == TRIAL
    users["anchor"][who[converted]] = today.state.day.day
    subscribe(today, "turned", who, at, np.zeros(len(who), bool))
    # Whoever had access yesterday keeps it from midnight.
    users["access_from"][who] = today.start
    return who


def _close(rows: Rows, which: Array, end: Any, at: Array, status: int) -> None:
    rows["end"][which] = end
    rows["status"][which] = status
    rows["renews"][which] = False
    rows["updated"][which] = at


def end_periods(today: Today) -> tuple[Array, Array]:
    """Those who cancelled reach their last day, those who did not pay run out of grace; returns both."""
    users, rng = view(today.state, "user"), today.rng("end_periods")
    rows = view(today.state, "subscription")
    left = np.flatnonzero((users["due"] == today.number) & (users["state"] == LEAVING))
    unpaid = np.flatnonzero((users["due"] == today.number - GRACE_DAYS) & (users["state"] == GRACE))
    both = np.concatenate([left, unpaid])
    if not len(both):
        return left, unpaid
    at = today.start + rng.integers(60 * SECOND, HOUR, len(both))
    which = users["subscription"][both]
    _close(rows, which[: len(left)], today.number, at[: len(left)], CANCELED)
    _close(rows, which[len(left) :], today.number, at[len(left) :], EXPIRED)
    rows["reason"][which[len(left) :]] = PAYMENT_FAILED
    _leave(today, rng, both, at)
    return left, unpaid


def _leave(today: Today, rng: np.random.Generator, who: Array, at: Array) -> None:
    users = view(today.state, "user")
    users["state"][who] = GONE
    users["subscription"][who] = -1
    users["due"][who] = NO_DATE
    returns = rng.random(len(who)) < RETURN_SHARE
    wait = 6 + rng.exponential(RETURN_DAYS, len(who)).astype(np.int64)
    users["returns"][who] = np.where(returns, today.number + wait, NO_DATE)
    forgotten = users["dirt"][who] == STALE_STATUS
    today.plant("users", who[forgotten] + 1, "stale_status")
    users["listed"][who[~forgotten]] = False
    users["updated"][who[~forgotten]] = at[~forgotten]


def daily_hazard(users: Rows, who: Array, day: int, engagement: Array | None = None) -> Array:
    """The chance that each of these users cancels on a day; what a churn model tries to find."""
    engaged = users["engagement"][who] if engagement is None else engagement
    months = (day - users["joined"][who]) / 30.4
    score = (
        3.7 * np.clip(1 - engaged, 0, 1)
        + 2.6 * (0.6 - users["satisfaction"][who])
        + 0.9 * (0.65 - users["match"][who])
        + 0.4 * np.minimum(users["failures"][who], 3)
        + np.array([-0.15, 0.0, 0.3], np.float32)[users["plan"][who]]
        - 0.3 * np.log1p(months)
    )
    return np.minimum(np.where(users["state"][who] == TRIAL, 0.05, 0.0009) * np.exp(score), 0.35)


def cancel(today: Today) -> Array:
    """Those who decide today to leave when what they paid for ends; returns their subscriptions' indices."""
    users, rng = view(today.state, "user"), today.rng("cancel")
    rows = view(today.state, "subscription")
    able = np.flatnonzero((users["state"] == ACTIVE) | (users["state"] == TRIAL))
    hazard = daily_hazard(users, able, today.number)
    who = able[rng.random(len(able)) < hazard]
    # A row changes once a day at most, so that each of its versions can be told by its instant.
    who = who[rows["updated"][users["subscription"][who]] < today.start]
    which = users["subscription"][who]
    at = today.start + rng.integers(7 * HOUR, 23 * HOUR, len(who))
    rows["end"][which] = users["due"][who]
    rows["renews"][which] = False
    rows["canceled_at"][which] = at
    rows["updated"][which] = at
    rows["reason"][which] = _reason(users, who, rng)
    users["state"][who] = LEAVING
    return which


def _reason(users: Rows, who: Array, rng: np.random.Generator) -> Array:
    weight = np.stack(
        [
            0.25 + 0.25 * users["plan"][who],
            np.clip(2.5 * (0.65 - users["satisfaction"][who]), 0.1, None),
            np.clip(1.4 * (1 - users["engagement"][who]), 0.1, None),
            np.full(len(who), 0.12),
            np.full(len(who), 0.2),
        ]
    ).cumsum(axis=0)
    return (rng.random(len(who)) * weight[-1] >= weight[:-1]).sum(axis=0)


def subscription_rows(state: State, chosen: Array) -> pyarrow.Table:
    """The rows of `subscriptions` for these indices, as the source has them now."""
    rows = {name: values[chosen] for name, values in view(state, "subscription").items()}
    count = len(chosen)
    columns = {
        "subscription_id": chosen + 1,
        "user_id": rows["user"].astype(np.int64) + 1,
        "plan_type": PLAN_WORDS.take(pa.array(rows["plan"] + len(PLANS) * rows["dirt"])),
        "start_date": rows["start"],
        "end_date": rows["end"],
        "price": PRICES[rows["plan"]],
        "status": STATUSES.take(pa.array(rows["status"])),
        "billing_interval": pa.repeat("month", count),
        "currency": pa.repeat("IDR", count),
        "discount_amount": rows["discount"],
        "is_trial": rows["trial"],
        "auto_renew": rows["renews"],
        "canceled_at": rows["canceled_at"],
        "cancel_reason": REASONS.take(pa.array(rows["reason"], mask=rows["reason"] < 0)),
    }
    return versions(SUBSCRIPTIONS, columns, rows["updated"])
