"""The subscription video service: tables, simulator and the dbt project `movie_streaming_analytics`."""

from pathlib import Path

from setia.movie_streaming.predicted import PREDICTED
from setia.movie_streaming.tables import TABLES
from setia.schema import Business, Headline, RebuiltBy

NOW = "from mart_subscriber_movements_monthly order by month_key desc limit 1"
LAST_MONTH = "from mart_subscriber_movements_monthly where is_complete order by month_key desc limit 1"

MOVIE_STREAMING = Business(
    name="movie_streaming",
    title="Movie streaming",
    tables=TABLES,
    layers=("preparation", "model", "mart", "ml"),
    published=(("mart", "mart_"), ("model", "dim_")),
    predicted=PREDICTED,
    folder=Path(__file__).parent,
    headlines=(
        Headline("Users", "select count(*) from dim_users", "count"),
        Headline("Active subscribers", f"select closing_customers {NOW}", "count"),
        Headline("MRR", f"select closing_mrr {NOW}", "money"),
        Headline("MRR at risk", f"select mrr_at_risk {NOW}", "money"),
        Headline("Logo churn, last whole month", f"select logo_churn_rate {LAST_MONTH}", "percent"),
        Headline("Net revenue retention, last whole month", f"select nrr {LAST_MONTH}", "percent"),
        Headline(
            "Viewers, last whole month",
            "select nullif(count(distinct user_id), 0) from mart_user_activity_monthly where month_key ="
            " (select max(month_key) from mart_user_activity_monthly where is_complete)",
            "count",
        ),
        Headline("Ratings", "select sum(total_ratings) from mart_movie_rating_monthly", "count"),
    ),
    rebuilt_by={
        "users": RebuiltBy("all", users="select key as user_id, day from {changes}"),
        "watch_sessions": RebuiltBy(),
        "movies": RebuiltBy(
            "select month_key from movie_streaming_mart.mart_content_value where movie_id in {keys}"
            " union select month_key from movie_streaming_mart.mart_title_premieres"
            " where movie_id in {keys}"
            " union select cast(date_trunc('month', available_from + 27) as date) from movie_streaming_raw.raw_movies"
            " where _deleted_at is null and movie_id in {keys}"
            " union select cast(unnest(generate_series("
            "  date_trunc('month', available_from), least(available_to, {last}), interval 1 month)) as date)"
            " from movie_streaming_raw.raw_movies"
            " where _deleted_at is null and available_to is not null and movie_id in {keys}"
            # Left by a build that did not get to the mart.
            " union select month_key from movie_streaming_model.fact_licence_costs_monthly"
            " where movie_id in {keys}",
            columns=("duration_min", "license_cost", "available_from", "available_to"),
        ),
        "ratings": RebuiltBy(
            columns=("user_id", "movie_id", "rating_score", "rating_date"),
            key="user_id",
            users="select key as user_id, day from {changes}",
            moved="select user_id, {day} as day from movie_streaming_raw.raw_ratings where rating_date >= {instant}",
        ),
        "payments": RebuiltBy(
            # A refund is no revenue of another month.
            columns=("subscription_id", "amount", "payment_date", "status"),
            key="subscription_id",
            # The last payment of a period tells why it ended, perhaps after it did.
            users="select user_id, case when day is not null then least(day, end_date - 1) end as day"
            " from {changes} inner join movie_streaming_raw.raw_subscriptions on subscription_id = key",
            moved="select subscriptions.user_id, least({day}, end_date - 1) as day"
            " from movie_streaming_raw.raw_payments inner join movie_streaming_raw.raw_subscriptions as subscriptions"
            " using (subscription_id) where payment_date >= {instant}",
        ),
        # Whoever owns the subscription has paid for it, in all of its months.
        "subscriptions": RebuiltBy(
            "all",
            columns=("user_id",),
            key="user_id",
            users="select key as user_id, day from {changes}",
            moved="select user_id, {day} as day from movie_streaming_raw.raw_subscriptions"
            " where end_date is null or end_date > {day} or start_date > {day}",
        ),
    },
    # The scale of completion_rate, as prep_watch_sessions finds it.
    facts_of_all=(
        "select 2 * count(case when completion_rate > 1 then 1 end)"
        " >= count(case when completion_rate > 0 then 1 end)"
        " from movie_streaming_raw.raw_watch_sessions where _deleted_at is null",
        # Without any session, nobody is known not to have watched what they rate.
        "select count(*) from (select 1 from movie_streaming_raw.raw_watch_sessions"
        " where _deleted_at is null and start_time < {as_of} limit 1)",
    ),
)
