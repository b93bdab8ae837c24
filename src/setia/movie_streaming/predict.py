"""Who will leave the service and how, what those who stay are worth, and which titles to show to whom."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow
from duckdb import DuckDBPyConnection

from setia import predicted as shared
from setia import scores
from setia.movie_streaming import content, predicted, titles
from setia.movie_streaming import snapshots as subscribers
from setia.movie_streaming.snapshots import FEATURES, GAP_DAYS, MONTH, Floats, People
from setia.prediction import churn, churn_forecast, retention, stability
from setia.prediction.churn import Model, Snapshot
from setia.prediction.churn_forecast import NOT_ENOUGH, Learned
from setia.prediction.recommend import Method
from setia.prediction.retention import RetentionFit
from setia.schema import Predicted
from setia.settings import Settings

WORDS = {
    "tenure_days": "came {:.0f} days ago",
    "stay_days": "has stayed for {:.0f} days so far",
    "period_days": "the plan began {:.0f} days ago",
    "periods": "is in period number {:.0f}",
    "plans": "has had {:.0f} plans",
    "mrr": "pays {:,.0f} a month",
    "failed_charges_84d": "{:.0f} charges failed in 84 days",
    "failed_share": "{:.0%} of the charges so far failed",
    "method_failed_share": "pays in a way of which {:.0%} of the charges fail",
    "watch_minutes_7d": "watched {:.0f} minutes in the last week",
    "watch_minutes_28d": "watched {:.0f} minutes in 28 days",
    "watch_trend": "watches {:.0%} of what it did four weeks before",
    "pace_7d": "watches {:.0%} of the usual in the last week",
    "pace_14d": "watches {:.0%} of the usual in two weeks",
    "pace_28d": "watches {:.0%} of the usual in 28 days",
    "active_days_28d": "watched on {:.0f} of 28 days",
    "completed_share_28d": "finished {:.0%} of what was begun",
    "completed_share": "has finished {:.0%} of everything begun",
    "days_since_play": "last watched {:.0f} days ago",
    "avg_rating": "rates titles {:.1f} on average",
}
NO_AND_YES = {
    "is_on_trial": ("is not on trial", "is on trial"),
    "has_discount": ("has no discount", "has a discount"),
    "is_ending": ("has not cancelled", "has cancelled"),
    "is_unpaid": ("the last charge was paid", "the last charge failed"),
}
UNKNOWN = {
    "days_since_play": "has never watched",
    "completed_share": "has never watched",
    "completed_share_28d": "has not watched in 28 days",
    "avg_rating": "has not rated anything",
    "failed_share": "was not charged so far",
    "method_failed_share": "was not charged so far",
}
CHURN_DAYS = 30
A_YEAR_LATER = 1.1
"""How much more money is worth now than in a year."""
CURVE_MONTHS = 36


@dataclass(frozen=True)
class Service:
    """What was learned of the service: who leaves, how, when subscribers renew, and what goes with what."""

    churn: Learned
    unpaid: Model | None
    unpaid_share: float
    renewals: RetentionFit
    reference: stability.Reference | None
    taste: Method
    content: content.Content


def newest_answer(connection: DuckDBPyConnection, settings: Settings) -> date | None:
    """The newest cutoff after which it is known who left."""
    return max(subscribers.answered(connection, _days(settings)), default=None)


def _days(settings: Settings) -> int:
    return settings.churn_days or CHURN_DAYS


def learn(connection: DuckDBPyConnection, settings: Settings) -> Service:
    """From all cutoffs whose answer is known. Raises PredictionError when a feature tells the answer."""
    days = _days(settings)
    people = [subscribers.people(connection, cutoff) for cutoff in subscribers.answered(connection, days)]
    snapshots, stays = [each.snapshot(days) for each in people], subscribers.stays_of(connection)
    simple = [subscribers.baselines(each.features, each.cutoff, stays) for each in snapshots]
    unpaid, share = _how(people, snapshots, days)
    return Service(
        churn_forecast.study(
            snapshots, {name: [each[name] for each in simple] for name in (simple or [{}])[0]}
        ),
        unpaid,
        share,
        subscribers.renewals(stays, subscribers.as_of(connection)),
        stability.reference(FEATURES, snapshots[-1].features) if snapshots else None,
        titles.taste(connection),
        content.learn(connection),
    )


def _how(people: list[People], snapshots: list[Snapshot], days: int) -> tuple[Model | None, float]:
    """Of all who left: the model of who did because charges failed, and the share of those."""
    if not people:
        return None, np.nan
    features, unpaid = (
        np.concatenate(parts) for parts in zip(*(each.leavers(days) for each in people), strict=True)
    )
    last = snapshots[-1]
    how = Snapshot(last.cutoff, last.since, last.until, FEATURES, features, unpaid)
    return churn.fit([how]), float(unpaid.mean()) if len(unpaid) else np.nan


def card(learned: Service) -> dict[str, Any]:
    """What people should know of it."""
    comparison = learned.churn.comparison
    judged = {
        name: [asdict(quality) if quality else None for quality in found]
        for name, found in comparison.qualities.items()
    }
    return {
        "methods": {
            "churn": learned.churn.method,
            "how": "model" if learned.unpaid else "share of those who left",
            "renewals": "shifted-beta-geometric" if learned.renewals.converged else NOT_ENOUGH,
            "titles": learned.taste.name,
        },
        "churn": {
            "features": FEATURES,
            "gap_days": GAP_DAYS,
            "cutoffs": comparison.cutoffs,
            "judged": judged,
        },
        "renewals": asdict(learned.renewals),
        "content": learned.content.judged,
        "titles": {name: asdict(found) for name, found in learned.taste.evaluations.items()},
        "limits": "Of those with a subscription in force, also when they have cancelled. A chance is not a cause.",
    }


def drift(connection: DuckDBPyConnection, settings: Settings, learned: Service) -> dict[str, float]:
    """The stability index of each feature, beside the newest cutoff that was learned from."""
    if learned.reference is None:
        return {}
    now = subscribers.people(connection, subscribers.as_of(connection))
    return stability.index(learned.reference, now.features)


def score(
    connection: DuckDBPyConnection, settings: Settings, learned: Service, model_id: str
) -> Iterator[tuple[Predicted, pyarrow.Table]]:
    """Subscribers at as_of, the retention curve, lists of titles, and how good all that was."""
    now = subscribers.people(connection, subscribers.as_of(connection))
    stays = subscribers.stays_of(connection)
    yield predicted.USER_SCORES, _users(now, stays, settings, learned, model_id)
    yield predicted.RETENTION_CURVE, _curve(stays, now.cutoff, learned.renewals)
    yield shared.CHURN_QUALITY, scores.churn_quality(learned.churn)
    yield shared.CHURN_TENTHS, scores.churn_tenths(learned.churn)
    yield shared.RECOMMENDATION_QUALITY, scores.recommendation_quality(learned.taste)
    for part in titles.lists(connection, learned.taste, model_id):
        yield predicted.TITLE_LISTS, part
    yield from content.score(connection, learned.content, model_id)


def _users(
    now: People, stays: subscribers.Stays, settings: Settings, learned: Service, model_id: str
) -> pyarrow.Table:
    features, count = now.features, len(now.users)
    simple = subscribers.baselines(features, now.cutoff, stays) if count else {}
    chances = churn_forecast.foretell(learned.churn, features, simple)
    unpaid = learned.unpaid.chances(features) if learned.unpaid else np.full(count, learned.unpaid_share)
    mrr = features[:, FEATURES.index("mrr")]
    since = now.cutoff + timedelta(days=1 + GAP_DAYS)
    words = _reasons(learned.churn, features)
    return pyarrow.table(
        {
            "user_id": now.users,
            "as_of_date": [now.cutoff] * count,
            "leaves_from": [since] * count,
            "leaves_before": [since + timedelta(days=_days(settings))] * count,
            "churn_chance": chances,
            "voluntary_chance": chances - chances * unpaid,
            "involuntary_chance": chances * unpaid,
            **{f"reason_{place + 1}": words[place] for place in range(3)},
            "mrr": mrr,
            "expected_lost_mrr": chances * mrr,
            "residual_value": _residual(features, learned.renewals),
            "method": [learned.churn.method] * count,
            "model_id": [model_id] * count,
        }
    )


def _residual(features: Floats, renewals: RetentionFit) -> Floats:
    """What each is still to pay, discounted, the next charge included; NaN where the data do not tell."""
    if not renewals.converged:
        return np.full(len(features), np.nan)
    renewed = features[:, FEATURES.index("stay_days")] // MONTH
    monthly = A_YEAR_LATER ** (1 / 12) - 1
    return features[:, FEATURES.index("mrr")] * retention.residual_lifetime(renewals, renewed, monthly)


def _reasons(learned: Learned, features: Floats) -> list[list[str | None]]:
    """The first, second and third reason of each, in words with the person's own figure."""
    found: list[list[str | None]] = [[], [], []]
    for row, names in zip(features, churn_forecast.reasons(learned, features), strict=True):
        for place in range(3):
            name = names[place] if place < len(names) else None
            found[place].append(_words(name, row[FEATURES.index(name)]) if name else None)
    return found


def _words(name: str, value: float) -> str:
    if np.isnan(value):
        return UNKNOWN[name]
    return NO_AND_YES[name][int(value)] if name in NO_AND_YES else WORDS[name].format(value)


def _curve(stays: subscribers.Stays, known: date, fitted: RetentionFit) -> pyarrow.Table:
    """The share of subscribers that stays so many months: as seen, with its band, and as the model goes on."""
    left, stayed = (counts.astype(int) for counts in subscribers.lives(stays, known))
    months = np.arange(1, len(left) + 1)
    durations = np.concatenate([np.repeat(months, left), np.repeat(months, stayed)])
    has_left = np.arange(len(durations)) < left.sum()
    seen = retention.kaplan_meier(durations, has_left)
    projected = retention.project(fitted, CURVE_MONTHS) if fitted.converged else None
    rows = []
    for month in range(1, CURVE_MONTHS + 1):
        at_risk, place = (
            int((durations >= month).sum()),
            int(np.searchsorted(seen.durations, month, "right")) - 1,
        )
        is_seen = at_risk > 0 and place >= 0
        rows.append(
            {
                "month": month,
                "at_risk": at_risk,
                "left_users": int(left[month - 1]) if month <= len(left) else 0,
                "survival": seen.survival[place] if is_seen else None,
                "survival_low": seen.lower[place] if is_seen else None,
                "survival_high": seen.upper[place] if is_seen else None,
                "projected": None if projected is None else projected[month],
            }
        )
    return scores.table(predicted.RETENTION_CURVE, rows)
