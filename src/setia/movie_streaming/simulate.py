"""The simulated subscription video service: customers arrive, watch, pay, leave and come back, day by day."""

from datetime import timedelta

import numpy as np
import pyarrow

from setia.movie_streaming.billing import charge, failure_chance, retries
from setia.movie_streaming.catalogue import advance, movie_rows, open_catalogue
from setia.movie_streaming.people import (
    GRACE,
    LEAVING,
    STATES,
    TRIAL,
    USER_ARRAYS,
    arrive,
    edit,
    user_rows,
)
from setia.movie_streaming.population import Array, Rows, Today, create, view
from setia.movie_streaming.subscribing import (
    PAYMENT_FAILED,
    SUBSCRIPTION_ARRAYS,
    cancel,
    come_back,
    daily_hazard,
    end_periods,
    subscription_rows,
    turn_periods,
    welcome,
)
from setia.movie_streaming.viewing import FADING_PACE, drift, watch
from setia.simulation import NO_DATE, Day, Plan, State, day_number
from setia.simulation_rows import pa

ROWS = {"users": ("user", user_rows), "movies": ("movie", movie_rows),
        "subscriptions": ("subscription", subscription_rows)}  # fmt: skip


def begin(plan: Plan) -> State:
    """The service on its first day: a catalogue and no users yet."""
    state = State(plan.start, {})
    create(state, "user", USER_ARRAYS)
    create(state, "subscription", SUBSCRIPTION_ARRAYS)
    open_catalogue(plan, state)
    for name in ("payment", "session", "rating"):
        state.arrays[f"next.{name}"] = np.ones(1, np.int64)
    state.pending["movies"] = slow(plan, state)["movies"]
    return state


def step(plan: Plan, state: State) -> Day:
    """Live one day: the state moves to the next, and everything that happened is returned."""
    today = Today(plan, state)
    if state.day == plan.start:
        today.plant("movies", np.flatnonzero(view(state, "movie")["dirt"]) + 1, "stray_text")
    titles = advance(today)
    new = arrive(today)
    paying = [welcome(today, new), come_back(today)]
    end_periods(today)
    again = retries(today)
    users = view(state, "user")
    due = np.flatnonzero((users["due"] == today.number) & (users["state"] != LEAVING))
    # Those who joined or came back today are due as well, but their period is already open.
    due = due[~np.isin(due, np.concatenate(paying))]
    turn_periods(today, due)
    first = np.concatenate([*paying, due])
    payments = charge(today, np.concatenate([first, again]), np.arange(len(first) + len(again)) >= len(first))
    edit(today)
    cancel(today)
    drift(today)
    sessions, ratings = watch(today)
    events = {"payments": payments, "watch_sessions": sessions, "ratings": ratings}
    changes = {"users": user_rows(state, _changed(today, "user")), "movies": movie_rows(state, titles)}
    changes["subscriptions"] = subscription_rows(state, _changed(today, "subscription"))
    state.day += timedelta(days=1)
    return Day(
        {name: rows for name, rows in events.items() if rows.num_rows},
        {name: rows for name, rows in changes.items() if rows.num_rows},
        today.all_planted(),
    )


def _changed(today: Today, kind: str) -> Array:
    return np.flatnonzero(view(today.state, kind)["updated"] >= today.start)


def slow(plan: Plan, state: State) -> dict[str, pyarrow.Table]:
    """All users, titles and subscriptions as the source has them at the start of the state's day."""
    return {
        table: rows(state, np.arange(int(state.arrays[f"{kind}.count"][0])))
        for table, (kind, rows) in ROWS.items()
    }


def truth(plan: Plan, state: State) -> dict[str, pyarrow.Table]:
    """What no source knows: each user's inner state and risk, and how every subscriber's time ended."""
    users, rows = view(state, "user"), view(state, "subscription")
    everyone = np.arange(len(users["joined"]))
    today = day_number(state.day)
    ended = np.flatnonzero((rows["end"] != NO_DATE) & (rows["end"] <= today) & (rows["reason"] >= 0))
    kinds = pa.array(["voluntary", "involuntary"])
    customers = {
        "user_id": everyone + 1,
        "joined": pa.array(users["joined"]).cast(pa.date32()),
        "state": pa.array(STATES).take(pa.array(users["state"])),
        "engagement": users["engagement"],
        "fading": users["fading"],
        "satisfaction": users["satisfaction"],
        "taste_match": users["match"],
        "churn_hazard_30d": pa.array(_hazard_30d(users, everyone, today), from_pandas=True),
    }
    endings = {
        "user_id": rows["user"][ended].astype(np.int64) + 1,
        "subscription_id": ended + 1,
        "ended_on": pa.array(rows["end"][ended]).cast(pa.date32()),
        "kind": kinds.take(pa.array((rows["reason"][ended] == PAYMENT_FAILED).astype(np.int8))),
    }
    return {"customers": pa.table(customers), "endings": pa.table(endings)}


def _hazard_30d(users: Rows, who: Array, today: int) -> Array:
    """The chance to decide to leave, or to stay unpaid for good, within 30 days; NaN for who is not there."""
    engagement = users["engagement"]
    middle = np.where(users["fading"], engagement * FADING_PACE**15, 1 + (engagement - 1) * 0.4)
    stays = (1 - daily_hazard(users, who, today, middle)) ** np.where(users["state"] == TRIAL, 7, 30)
    first = failure_chance(users["method"], users["risk"], np.zeros(len(who), bool))
    again = failure_chance(users["method"], users["risk"], np.ones(len(who), bool))
    tries_left = np.where(today - users["due"] > 7, 0, np.where(today - users["due"] > 3, 1, 2))
    lost = np.where(users["state"] == GRACE, again**tries_left, first * again**2)
    hazard = 1 - np.where(users["state"] == GRACE, 1.0, stays) * (1 - lost)
    hazard[users["state"] == LEAVING] = 1.0
    hazard[(users["subscription"] < 0)] = np.nan
    return hazard
