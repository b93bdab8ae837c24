"""Which customers stay away, what they will order and be worth, and which products to show to whom."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow
from duckdb import DuckDBPyConnection

from setia import predicted as shared
from setia import scores
from setia.ecommerce import buyers, predicted, products
from setia.ecommerce.buyers import FEATURES, GAP_DAYS, Floats, Histories, People
from setia.prediction import churn_forecast, lifetime_value, stability
from setia.prediction.churn_forecast import NOT_ENOUGH, Learned
from setia.prediction.lifetime_value import Forecast, Models, Rules
from setia.prediction.recommend import Method
from setia.schema import Predicted
from setia.settings import Settings

WORDS = {
    "recency_days": "last ordered {:.0f} days ago",
    "frequency": "has ordered {:.0f} times",
    "customer_tenure_days": "ordered over {:.0f} days",
    "exposure_days": "first ordered {:.0f} days ago",
    "orders_per_month": "orders {:.1f} times a month",
    "avg_days_between_orders": "ordered every {:.0f} days",
    "order_total": "has spent {:,.0f}",
    "avg_order_total": "spends {:,.0f} an order",
    "order_total_90d": "spent {:,.0f} in 90 days",
    "orders_last_90d": "{:.0f} orders in 90 days",
    "orders_previous_90d": "{:.0f} orders in the 90 days before",
    "rhythm": "of customers who ordered at such times {:.0%} stay away",
    "order_trend_ratio": "orders {:.1f} times as much as in the 90 days before",
}
UNKNOWN = {
    "avg_days_between_orders": "has ordered only once",
    "rhythm": "the shop is too young to tell the rhythm of its orders",
}
CHURN_DAYS = 90
LAPSED = "lapsed"
LONGEST_TEST = 90
"""Days that the test of value looks back, where the data reach three times as far."""


@dataclass(frozen=True)
class Shop:
    """What was learned of the shop: who stays away, how they order and spend, and what goes with what."""

    churn: Learned
    value: Models | str
    value_test: list[dict[str, Any]]
    reference: stability.Reference | None
    taste: Method


def newest_answer(connection: DuckDBPyConnection, settings: Settings) -> date | None:
    """The newest cutoff after which it is known who ordered."""
    return max(buyers.answered(connection), default=None)


def _days(settings: Settings) -> int:
    return settings.churn_days or CHURN_DAYS


def learn(connection: DuckDBPyConnection, settings: Settings) -> Shop:
    """From all cutoffs whose answer is known. Raises PredictionError when a feature tells the answer."""
    days, day = _days(settings), buyers.as_of(connection)
    people = [buyers.people(connection, cutoff, days) for cutoff in buyers.answered(connection)]
    simple = [buyers.baselines(each.features) for each in people]
    return Shop(
        churn_forecast.study(
            [each.snapshot(days) for each in people],
            {name: [each[name] for each in simple] for name in (simple or [{}])[0]},
        ),
        lifetime_value.learn(buyers.histories(connection, day).customers) if day else NOT_ENOUGH,
        _value_test(connection, day) if day else [],
        stability.reference(FEATURES, people[-1].features) if people else None,
        products.taste(connection),
    )


def _value_test(connection: DuckDBPyConnection, day: date) -> list[dict[str, Any]]:
    """What the models of the past foretold of the days since, and what came."""
    span = buyers.histories(connection, day).customers.age.max(initial=0.0)
    horizon = int(min(LONGEST_TEST, span // 3))
    if not horizon:
        return []
    cutoff = day - timedelta(days=horizon)
    known, before = (buyers.histories(connection, cutoff - timedelta(days=back)) for back in (0, horizon))
    rules = Rules(horizons=(float(horizon),), discount=0.0)
    told = lifetime_value.forecast(known.customers, lifetime_value.learn(known.customers), rules)
    came = _between(connection, known, cutoff, day)
    as_before = _between(connection, known, cutoff - timedelta(days=horizon), cutoff)
    covered = np.mean((told.value_low <= came[1]) & (came[1] <= told.value_high))
    is_told, is_covered = not np.isnan(told.value).all(), not np.isnan(told.value_low).all()
    rows = (
        [(str(told.method[0]), told.orders[0], told.value, float(covered) if is_covered else None)]
        if is_told
        else []
    )
    if len(before.keys):
        rows.append(("as in as many days before", *as_before, None))
    return [
        {
            "method": method,
            "cutoff_date": cutoff,
            "horizon_days": horizon,
            "customers": len(known.keys),
            "expected_orders": float(orders.sum()),
            "orders": float(came[0].sum()),
            "expected_value": float(np.maximum(value, 0.0).sum()),
            "value": float(came[1].sum()),
            "mean_absolute_error": float(np.abs(value - came[1]).mean()),
            "covered_share": share,
        }
        for method, orders, value, share in rows
    ]


def _between(
    connection: DuckDBPyConnection, known: Histories, after: date, until: date
) -> tuple[Floats, Floats]:
    """Days with an order, and their net total, of each of these customers."""
    rows = connection.execute(
        "select customer_id, cast(count(distinct order_date) as double), cast(sum(net_total) as double)"
        f" from ecommerce_marts.fct_orders where order_date > date '{after}' and order_date <= date '{until}'"
        " group by customer_id"
    ).to_arrow_table()
    keys = rows.column(0).to_numpy(zero_copy_only=False)
    is_known = np.isin(keys, known.keys)
    found = np.zeros((2, len(known.keys)))
    for place in (0, 1):
        values = np.asarray(rows.column(place + 1).to_numpy(zero_copy_only=False), dtype=np.float64)
        found[place, known.of(keys[is_known])] = values[is_known]
    return found[0], found[1]


def card(learned: Shop) -> dict[str, Any]:
    """What people should know of it."""
    comparison, value = learned.churn.comparison, learned.value
    judged = {
        name: [asdict(quality) if quality else None for quality in found]
        for name, found in comparison.qualities.items()
    }
    fits = (
        {"why not": value}
        if isinstance(value, str)
        else {
            fitted.model.name: dict(zip(fitted.model.parameters, fitted.parameters, strict=True))
            for fitted in (value.orders, value.churn)
        }
        | {"Gamma-Gamma": dict(zip("pqv", value.spend.parameters, strict=True))}
    )
    return {
        "methods": {
            "churn": learned.churn.method,
            "value": f"mean of the segment ({value})" if isinstance(value, str) else ", ".join(fits),
            "products": learned.taste.name,
        },
        "churn": {
            "features": FEATURES,
            "gap_days": GAP_DAYS,
            "cutoffs": comparison.cutoffs,
            "judged": judged,
        },
        "value": fits,
        "value_test": learned.value_test,
        "products": {name: asdict(found) for name, found in learned.taste.evaluations.items()},
        "limits": "Of customers who ordered within a year. A chance is not a cause; value is net total, not margin.",
    }


def drift(connection: DuckDBPyConnection, settings: Settings, learned: Shop) -> dict[str, float]:
    """The stability index of each feature, beside the newest cutoff that was learned from."""
    day = buyers.as_of(connection)
    if learned.reference is None or day is None:
        return {}
    known = buyers.histories(connection, day)
    people = buyers.people_now(connection, known, learned.value, _days(settings))
    return stability.index(learned.reference, people.features)


def score(
    connection: DuckDBPyConnection, settings: Settings, learned: Shop, model_id: str
) -> Iterator[tuple[Predicted, pyarrow.Table]]:
    """Customers at as_of, lists of products, and how good all that was."""
    yield predicted.CUSTOMER_SCORES, _customers(connection, settings, learned, model_id)
    yield shared.CHURN_QUALITY, scores.churn_quality(learned.churn)
    yield shared.CHURN_TENTHS, scores.churn_tenths(learned.churn)
    yield predicted.VALUE_QUALITY, scores.table(predicted.VALUE_QUALITY, learned.value_test)
    yield shared.RECOMMENDATION_QUALITY, scores.recommendation_quality(learned.taste)
    for part in products.lists(connection, learned.taste, model_id):
        yield predicted.PRODUCT_LISTS, part


def _customers(
    connection: DuckDBPyConnection, settings: Settings, learned: Shop, model_id: str
) -> pyarrow.Table:
    day = buyers.as_of(connection)
    if day is None:
        return scores.table(predicted.CUSTOMER_SCORES, [])
    known, days = buyers.histories(connection, day), _days(settings)
    people = buyers.people_now(connection, known, learned.value, days)
    told = lifetime_value.forecast(known.customers, learned.value, Rules(churn_days=float(days)))
    count, places = len(known.keys), known.of(people.keys)
    chances = np.full(count, np.nan)
    simple = buyers.baselines(people.features)
    chances[places] = churn_forecast.foretell(learned.churn, people.features, simple)
    method = np.full(count, LAPSED, dtype=object)
    method[places] = learned.churn.method
    since = day + timedelta(days=1 + GAP_DAYS)
    return pyarrow.table(
        {
            "customer_id": known.keys,
            "as_of_date": [day] * count,
            "leaves_from": [since] * count,
            "leaves_before": [since + timedelta(days=days)] * count,
            "churn_chance": chances,
            **_reasons(learned.churn, people, places, count),
            "churn_method": method,
            **_worth(told, day),
            "expected_lost_value": chances * told.value,
            "model_id": [model_id] * count,
        }
    )


def _worth(told: Forecast, day: date) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for place, days in enumerate((30, 90, 365)):
        columns[f"expected_orders_{days}d"] = told.orders[place]
        columns[f"orders_{days}d_low"] = told.orders_low[place]
        columns[f"orders_{days}d_high"] = told.orders_high[place]
    next_days = [None if np.isnan(days) or days > 3650 else int(np.ceil(days)) for days in told.days_to_next]
    return columns | {
        "expected_value_365d": told.value,
        "value_365d_low": told.value_low,
        "value_365d_high": told.value_high,
        "next_order_by": [None if days is None else day + timedelta(days=days) for days in next_days],
        "value_method": told.method,
    }


def _reasons(learned: Learned, people: People, places: Any, count: int) -> dict[str, list[str | None]]:
    """The first, second and third reason of each customer, in words with their own figure."""
    found: dict[str, list[str | None]] = {f"reason_{number}": [None] * count for number in (1, 2, 3)}
    for place, row, names in zip(
        places, people.features, churn_forecast.reasons(learned, people.features), strict=True
    ):
        for number, name in enumerate(names, start=1):
            value = row[FEATURES.index(name)]
            words = UNKNOWN[name] if np.isnan(value) else WORDS[name].format(value)
            found[f"reason_{number}"][place] = words
    return found
