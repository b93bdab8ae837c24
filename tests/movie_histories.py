"""Subscription histories of the textbook and random ones, and their figures reckoned day by day, without SQL."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Jakarta")
LAST_DAY = date(2024, 7, 10)  # in the middle of a month: July is running
AS_OF = "2024-07-10 17:00:00+00:00"
CLOSING_DAY = LAST_DAY + timedelta(days=1)
Row = dict[str, Any]


def instant(day: date, hour: int = 10) -> datetime:
    """That hour of the local day, in UTC."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE).astimezone(UTC)


# --- textbook histories ---------------------------------------------------------------------------------


class Histories:
    """Rows of subscriptions and payments, with keys given out in order."""

    def __init__(self) -> None:
        self.users: list[Row] = []
        self.subscriptions: list[Row] = []
        self.payments: list[Row] = []

    def user(self, name: str) -> None:
        self.users.append({"user_id": name, "join_date": date(2024, 1, 1), "subscription_status": " Active"})

    def period(self, user: str, start: date, end: date | None, price: int = 60, **more: Any) -> str:
        key = f"s{len(self.subscriptions):04d}"
        row = {
            "subscription_id": key,
            "user_id": user,
            "plan_type": "basic",
            "start_date": start,
            "end_date": end,
        }
        row |= {"price": Decimal(price), "status": "active" if end is None else "Expired "} | more
        self.subscriptions.append(row)
        return key

    def payment(self, subscription: str, day: date, status: str = "completed", amount: int = 60) -> None:
        owner = next(s["user_id"] for s in self.subscriptions if s["subscription_id"] == subscription)
        row: Row = {"payment_id": f"p{len(self.payments):04d}", "user_id": owner, "amount": Decimal(amount)}
        row |= {"subscription_id": subscription, "payment_date": instant(day), "status": status}
        self.payments.append(row)


def textbook() -> Histories:
    told = Histories()
    for name in ("unchanged", "new", "expansion", "contraction", "by_choice", "by_failure", "returning"):
        told.user(name)
    for name in ("switching", "two_at_once", "yearly", "on_trial", "inside", "paused", "on_the_first"):
        told.user(name)
    for name in ("late", "too_late", "back_at_once", "pausing"):
        told.user(name)
    begin = date(2024, 1, 15)
    told.period("unchanged", begin, None)
    told.period("new", date(2024, 4, 3), None)
    told.period("expansion", begin, date(2024, 3, 10))
    told.period("expansion", date(2024, 3, 10), None, price=150)
    told.period("contraction", begin, date(2024, 3, 10), price=150)
    told.period("contraction", date(2024, 3, 10), None)
    told.period(
        "by_choice", begin, date(2024, 4, 15), status="Cancelled", canceled_at=instant(date(2024, 4, 2))
    )
    failing = told.period("by_failure", begin, date(2024, 4, 29))
    told.payment(failing, begin)
    told.payment(failing, date(2024, 4, 15), " Failed")
    told.payment(failing, date(2024, 4, 18), "failed")
    told.period("returning", begin, date(2024, 2, 15), cancel_reason="payment_failed")
    told.period("returning", date(2024, 5, 20), None)
    told.period("switching", begin, date(2024, 2, 1))  # the same price on another plan, on a first of month
    told.period("switching", date(2024, 2, 1), None, plan_type="Other")
    told.period("two_at_once", begin, None)
    told.period("two_at_once", date(2024, 2, 5), date(2024, 5, 5), price=100)
    told.period("yearly", begin, None, price=600, billing_interval="Year", discount_amount=Decimal(100))
    told.period("on_trial", date(2024, 2, 1), date(2024, 2, 15), status="trial", is_trial=True)
    told.period("on_trial", date(2024, 2, 15), None)
    told.period("inside", date(2024, 3, 5), date(2024, 3, 25))
    told.period("inside", date(2024, 5, 5), None)
    told.period("paused", begin, None, status=" PAUSED")
    told.period("on_the_first", date(2024, 1, 1), date(2024, 6, 1))
    told.period("late", begin, date(2024, 2, 22))  # a leap year: the 14th day after is the 7th
    told.period("late", date(2024, 3, 7), None, price=90)
    told.period("too_late", begin, date(2024, 2, 22))
    told.period("too_late", date(2024, 3, 8), None)
    told.period("back_at_once", begin, date(2024, 2, 27), canceled_at=instant(date(2024, 2, 1)))
    told.period("back_at_once", date(2024, 3, 2), None)
    told.period("pausing", begin, date(2024, 2, 15))
    told.period("pausing", date(2024, 2, 15), date(2024, 4, 15), status="paused")
    told.period("pausing", date(2024, 4, 15), None)
    return told


def with_random_lives(told: Histories, count: int, seed: int) -> Histories:
    """Add users whose periods and payments are drawn, dirty spellings and overlaps among them."""
    draw = Random(seed)
    for number in range(count):
        name = f"random_{number:03d}"
        told.user(name)
        start = date(2024, 1, 1) + timedelta(days=draw.randrange(150))
        for _ in range(draw.choice([1, 1, 2, 3])):
            end = start + timedelta(days=draw.choice([0, 7, 14, 30, 31, 61, 90]))
            price, interval = draw.choice(
                [(60, None), (100, " month"), (500, "year"), (20, "WEEK"), (3, "day"), (0, None)]
            )
            trial = draw.random() < 0.15
            key = told.period(
                name,
                start,
                None if draw.random() < 0.3 else end,
                price=price,
                billing_interval=interval,
                discount_amount=Decimal(draw.choice([0, 0, 10])),
                is_trial=trial,
                status=draw.choice(
                    ["trial"] if trial else ["active", " Expired", "CANCELLED", "canceled", "paused"]
                ),
                cancel_reason=draw.choice([None, None, "Payment failed", "too_expensive"]),
            )
            for _ in range(0 if trial else draw.randrange(4)):
                status = draw.choice(["completed", " Completed", "failed", "FAILED ", "pending"])
                told.payment(key, start + timedelta(days=draw.randrange(100)), status, draw.randrange(1, 90))
            start = end + timedelta(days=draw.choice([0, 0, 5, 40, 75]))
    return told


# --- the same figures, reckoned day by day --------------------------------------------------------------

YEARLY = {None: Decimal(1), "month": Decimal(1), "year": Decimal(1) / 12}
YEARLY |= {"week": Decimal(52) / 12, "day": Decimal(365) / 12}


def monthly(row: Row) -> Decimal:
    status = row["status"].strip().lower()
    if row.get("is_trial") or status in ("trial", "paused"):
        return Decimal(0)
    interval = row.get("billing_interval")
    net = max(Decimal(0), row["price"] - (row.get("discount_amount") or 0))
    value = net * YEARLY[interval.strip().lower() if interval else None]
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def in_force(row: Row, day: date) -> bool:
    return row["start_date"] <= day and (row["end_date"] is None or day < row["end_date"])


def ended_for_good(row: Row) -> bool:
    """Somebody ended it: what follows is no late renewal."""
    status = row["status"].strip().lower().replace("cancelled", "canceled")
    return bool(row.get("canceled_at") or row.get("cancel_reason") or status == "canceled")


def status_on(periods: list[Row], day: date) -> tuple[str, str, Decimal] | None:
    """Status, subscription and MRR of a user on that day; None when there is no subscription."""
    known = [s for s in periods if s["start_date"] <= LAST_DAY and s["start_date"] != s["end_date"]]
    own = [s for s in known if in_force(s, day)]
    if not own:
        ends = [s["end_date"] for s in known if s["end_date"] and s["end_date"] <= day]
        starts = [s["start_date"] for s in known if s["start_date"] > day]
        if not ends or not starts or (min(starts) - max(ends)).days > 14:
            return None
        before = [s for s in known if in_force(s, max(ends) - timedelta(days=1)) and not ended_for_good(s)]
        late = status_on(before, max(ends) - timedelta(days=1))
        return ("grace", late[1], late[2]) if late else None

    def kind(row: Row) -> str:
        status = row["status"].strip().lower()
        return (
            "trial"
            if row.get("is_trial") or status == "trial"
            else "paused"
            if status == "paused"
            else "active"
        )

    places = {"active": 2, "trial": 1, "paused": 0}
    best = max(own, key=lambda s: (places[kind(s)], s["start_date"], s["subscription_id"]))
    return kind(best), best["subscription_id"], sum((monthly(s) for s in own), Decimal(0))


def mrr_on(periods: list[Row], day: date) -> Decimal:
    found = status_on(periods, day)
    return found[2] if found else Decimal(0)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def months_between(first: date, last: date) -> list[date]:
    months = [first]
    while next_month(months[-1]) <= last:
        months.append(next_month(months[-1]))
    return months


MONTHS = months_between(date(2023, 12, 1), LAST_DAY)  # the first period starts on a first of January


def settled(payments: list[Row], before: date) -> list[Row]:
    """Completed and failed attempts before that day, in order."""
    kept = [p for p in payments if p["payment_date"] < min(instant(before, 0), instant(CLOSING_DAY, 0))]
    kept = [p for p in kept if p["status"].strip().lower() != "pending"]
    return sorted(kept, key=lambda p: (p["payment_date"], p["payment_id"]))


def failed(payment: Row) -> bool:
    return payment["status"].strip().lower() == "failed"


def reason_of_churn(periods: list[Row], payments: list[Row], closing: date) -> str:
    ended = [
        s for s in periods if monthly(s) > 0 and s["end_date"] and s["start_date"] < s["end_date"] <= closing
    ]
    last = max(ended, key=lambda s: (s["end_date"], s["subscription_id"]))
    attempts = settled([p for p in payments if p["subscription_id"] == last["subscription_id"]], CLOSING_DAY)
    reason = (last.get("cancel_reason") or "").lower().replace(" ", "_")
    if reason or last.get("canceled_at"):
        return "involuntary" if reason == "payment_failed" else "voluntary"
    return "involuntary" if attempts and failed(attempts[-1]) else "voluntary"


def expected_movements(told: Histories) -> list[Row]:
    """Movement rows by looking at each user's MRR on two days of each month."""
    rows = []
    periods, payments = defaultdict(list), defaultdict(list)
    for subscription in told.subscriptions:
        if subscription["start_date"] >= CLOSING_DAY:
            continue  # not begun on the last day that is spoken of
        periods[subscription["user_id"]].append(subscription)
    for payment in told.payments:
        payments[payment["user_id"]].append(payment)
    for user, own in periods.items():
        paid = [s for s in own if monthly(s) > 0 and s["start_date"] != s["end_date"]]
        for month in MONTHS:
            closing_day = min(next_month(month), CLOSING_DAY)
            opening, closing = mrr_on(own, month), mrr_on(own, closing_day)
            row = {"user_id": user, "month_key": month, "opening_mrr": opening, "closing_mrr": closing}
            row |= {"movement_amount": closing - opening, "churn_reason": None}
            inside = any(
                month < s["start_date"] and s["end_date"] and s["end_date"] <= closing_day for s in paid
            )
            latest = settled(payments[user], closing_day)
            row["at_risk"] = bool(closing and latest and failed(latest[-1]))
            if opening == closing == 0:
                row["movement"] = "intra_month" if inside else None
            elif opening == 0:
                known = any(s["start_date"] < month for s in paid)
                row["movement"] = "reactivation" if known else "new"
            elif closing == 0:
                row["movement"] = "churn"
                row["churn_reason"] = reason_of_churn(own, payments[user], closing_day)
            elif closing == opening:
                row["movement"] = "unchanged"
            else:
                row["movement"] = "expansion" if closing > opening else "contraction"
            if row["movement"]:
                rows.append(row)
    return rows


def ratio(part: Any, whole: Any) -> float | None:
    return float(part) / float(whole) if whole else None


def share_of_trials_paid(told: Histories, month: date) -> float | None:
    trials = [s for s in told.subscriptions if s.get("is_trial") and s["start_date"] <= LAST_DAY]
    trials = [s for s in trials if s["start_date"].replace(day=1) == month]
    paid = [s for s in told.subscriptions if monthly(s) > 0 and s["start_date"] != s["end_date"]]
    paid = [s for s in paid if s["start_date"] <= CLOSING_DAY]
    became = [
        t
        for t in trials
        if any(s["user_id"] == t["user_id"] and s["start_date"] >= t["start_date"] for s in paid)
    ]
    return ratio(len(became), len(trials))


def share_of_failures_recovered(told: Histories, month: date) -> float | None:
    known = settled(told.payments, CLOSING_DAY)
    failures = [
        p for p in known if failed(p) and p["payment_date"].astimezone(ZONE).date().replace(day=1) == month
    ]

    def recovered(failure: Row) -> bool:
        later = [p for p in known if p["subscription_id"] == failure["subscription_id"] and not failed(p)]
        begin = (failure["payment_date"], failure["payment_id"])
        limit = failure["payment_date"] + timedelta(days=14)
        return any(begin < (p["payment_date"], p["payment_id"]) and p["payment_date"] <= limit for p in later)

    return ratio(sum(map(recovered, failures)), len(failures))


def expected_month(told: Histories, month: date, rows: list[Row]) -> Row:
    own = [row for row in rows if row["month_key"] == month]

    def money(movement: str) -> Decimal:
        return sum((abs(r["movement_amount"]) for r in own if r["movement"] == movement), Decimal(0))

    def count(**wanted: Any) -> int:
        return sum(all(row[name] == value for name, value in wanted.items()) for row in own)

    opening, closing = sum(r["opening_mrr"] for r in own), sum(r["closing_mrr"] for r in own)
    customers = sum(r["opening_mrr"] > 0 for r in own)
    lost, grown = money("churn") + money("contraction"), money("expansion")
    return {
        "month_key": month,
        "is_complete": next_month(month) <= LAST_DAY,
        "opening_mrr": opening,
        "new_mrr": money("new"),
        "expansion_mrr": grown,
        "contraction_mrr": money("contraction"),
        "churn_mrr": money("churn"),
        "reactivation_mrr": money("reactivation"),
        "closing_mrr": closing,
        "mrr_at_risk": sum((r["closing_mrr"] for r in own if r["at_risk"]), Decimal(0)),
        "opening_customers": customers,
        "new_customers": count(movement="new"),
        "reactivated_customers": count(movement="reactivation"),
        "churned_customers_voluntary": count(churn_reason="voluntary"),
        "churned_customers_involuntary": count(churn_reason="involuntary"),
        "closing_customers": sum(r["closing_mrr"] > 0 for r in own),
        "intra_month_customers": count(movement="intra_month"),
        "logo_churn_rate": ratio(count(movement="churn"), customers),
        "gross_revenue_churn_rate": ratio(lost, opening),
        "net_revenue_churn_rate": ratio(lost - grown - money("reactivation"), opening),
        "grr": ratio(opening - lost, opening),
        "nrr": ratio(opening + grown - lost, opening),
        "arpa": ratio(closing, sum(r["closing_mrr"] > 0 for r in own)),
        "trial_conversion_rate": share_of_trials_paid(told, month),
        "failed_payment_recovery_rate": share_of_failures_recovered(told, month),
    }
