"""Charges: who is due, what fails, what is tried again, what settles late and what is paid back."""

import numpy as np
import pyarrow

from setia.movie_streaming.people import ACTIVE, GRACE
from setia.movie_streaming.population import (
    HOUR,
    NOBODY,
    SECOND,
    Array,
    Rows,
    Today,
    some,
    split,
    take_keys,
    view,
)
from setia.movie_streaming.subscribing import PRICES, RETRY_DAYS, next_month
from setia.movie_streaming.tables import PAYMENTS
from setia.simulation import DAY, NEVER, versions
from setia.simulation_rows import pa

METHODS = pa.array(["credit_card", "gopay", "dana", "bank_transfer",
                    "Credit_Card", "GOPAY", " dana", "Bank_Transfer "])  # fmt: skip
FAILURE = np.array([0.07, 0.045, 0.05, 0.1])
STATUSES = pa.array(["pending", "completed", "failed", " Pending", "Completed ", "FAILED", "unknown"])
PENDING, COMPLETED, FAILED = range(3)
UNKNOWN = 6
CODES = pa.array(["insufficient_funds", "card_expired", "do_not_honor", "wallet_limit", "timed_out"])
CODES_OF_METHOD = np.array([[0, 1, 2], [0, 3, 4], [0, 3, 4], [0, 4, 2]])
REFUNDED_SHARE = 0.006


def failure_chance(method: Array, risk: Array, retry: Array) -> Array:
    """How likely a charge fails: by method and user, and far likelier when it has just failed."""
    first = np.clip(FAILURE[method] * risk, 0.005, 0.5)
    return np.where(retry, np.clip(0.38 + 1.5 * first, 0, 0.85), first)


def retries(today: Today) -> Array:
    """Users whose unpaid period is tried again today."""
    users = view(today.state, "user")
    late = today.number - users["due"]
    return np.flatnonzero((users["state"] == GRACE) & ((late == RETRY_DAYS[0]) | (late == RETRY_DAYS[1])))


def charge(today: Today, who: Array, retry: Array) -> pyarrow.Table:
    """Charge each user for the period that is due; returns all versions of the payments' rows."""
    users, rng = view(today.state, "user"), today.rng("charge")
    rows = view(today.state, "subscription")
    count = len(who)
    which, due = users["subscription"][who], users["due"][who]
    covers = next_month(due, users["anchor"][who])
    failed = rng.random(count) < failure_chance(users["method"][who], users["risk"][who], retry)
    users["state"][who] = np.where(failed, GRACE, ACTIVE)
    users["due"][who] = np.where(failed, due, covers)
    users["failures"][who] += failed
    # A new period is charged moments after it opened, everything else in the morning's batch.
    opened = np.maximum(rows["updated"][which], today.start)
    fresh = rows["updated"][which] >= today.start
    at = np.where(fresh, opened, today.start + rng.integers(4 * HOUR, 8 * HOUR, count))
    at += rng.integers(SECOND, 20 * SECOND, count)
    # Signed up in the last seconds of the day: the charge still belongs to the period's first day.
    at = np.minimum(at, today.start + DAY - 1)
    facts: Rows = {
        "payment_id": take_keys(today.state, "payment", count),
        "user_id": who + 1,
        "subscription_id": which.astype(np.int64) + 1,
        "method": users["method"][who].astype(np.int32),
        "amount": PRICES[rows["plan"][which]] - rows["discount"][which],
        "payment_date": at,
        "period_start": due,
        "period_end": covers,
        "status": np.where(failed, FAILED, COMPLETED),
        "code": CODES_OF_METHOD[users["method"][who], rng.integers(0, 3, count)],
    }
    return _versions(today, rng, facts)


def _settled(rng: np.random.Generator, method: Array) -> Array:
    """How long each method leaves a payment pending."""
    quick = rng.exponential(40, len(method)) * SECOND
    transfer = 600 * SECOND + rng.exponential(9 * 3600, len(method)) * SECOND
    return np.where(method == 3, np.minimum(transfer, 40 * HOUR), quick).astype(np.int64) + SECOND


def _versions(today: Today, rng: np.random.Generator, facts: Rows) -> pyarrow.Table:
    count = len(facts["payment_id"])
    stray, late = _spoil(today, rng, facts)
    first = facts["payment_date"] + rng.integers(0, SECOND, count)
    first[late] += rng.integers(2 * HOUR, 72 * HOUR, len(late))
    settled = first + _settled(rng, facts["method"])
    completed = np.flatnonzero(facts["status"] == COMPLETED)
    refunded = completed[some(rng, len(completed), REFUNDED_SHARE)]
    back = settled[refunded] + rng.integers(DAY, 12 * DAY, len(refunded))
    until = np.full(count, NEVER)
    until[refunded] = back
    everyone = np.arange(count)
    pick = np.concatenate([everyone, everyone, refunded])
    final = facts["status"] + 3 * stray * (facts["status"] <= FAILED)
    status = np.concatenate(
        [np.where(facts["status"] == UNKNOWN, UNKNOWN, 3 * stray), final, final[refunded]]
    )
    paid_back = np.zeros(len(pick), np.int64)
    paid_back[2 * count :] = facts["amount"][refunded]
    told = np.concatenate([np.zeros(count, bool), facts["status"] == FAILED, np.zeros(len(refunded), bool)])
    methods = (facts["method"] + 4 * stray).astype(np.int32)[pick]
    columns = {
        **{name: facts[name][pick] for name in facts if name not in ("status", "code", "method")},
        "method": pa.DictionaryArray.from_arrays(methods, METHODS),
        "status": pa.DictionaryArray.from_arrays(status.astype(np.int32), STATUSES),
        "currency": pa.DictionaryArray.from_arrays(np.zeros(len(pick), np.int32), pa.array(["IDR"])),
        "failure_code": pa.DictionaryArray.from_arrays(
            pa.array(facts["code"][pick].astype(np.int32), mask=~told), CODES
        ),
        "refunded_amount": paid_back,
    }
    at = np.concatenate([first, settled, back])
    return versions(PAYMENTS, columns, at, np.concatenate([settled, until, np.full(len(refunded), NEVER)]))


def _spoil(today: Today, rng: np.random.Generator, facts: Rows) -> tuple[Array, Array]:
    """Make a share of the payments dirty; returns which have stray text and which arrive late."""
    count = len(facts["payment_id"])
    stray = np.zeros(count, np.int64)
    chosen = some(rng, count, today.plan.dirt)
    texts, late, orphans, lost, unknown = split(rng, chosen, (0.4, 0.25, 0.1, 0.1, 0.15))
    stray[texts] = 1
    facts["user_id"][orphans] = NOBODY + facts["payment_id"][orphans]
    facts["subscription_id"][lost] = NOBODY + facts["payment_id"][lost]
    facts["status"][unknown] = UNKNOWN
    for indices, kind in ((texts, "stray_text"), (late, "late"), (orphans, "orphan"), (lost, "orphan"),
                          (unknown, "unknown_status")):  # fmt: skip
        today.plant("payments", facts["payment_id"][indices], kind)
    return stray, late
