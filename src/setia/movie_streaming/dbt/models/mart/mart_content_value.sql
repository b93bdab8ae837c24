{#-
Grain: one row per title and local month with a session or a day of licence.
Question: what did each title bring in and cost in a month, and was it worth it?
Cost and efficiency are NULL where the source gives no cost or no window of the licence.
-#}
{{ config(cluster_by=bq_cluster(['movie_id']), **by_month('month_key')) }}
with performance as (
    select * from {{ ref('mart_title_performance_monthly') }}
    where {{ in_rebuilt_months('month_key') }}
),

licences as (
    select * from {{ ref('fact_licence_costs_monthly') }}
    where {{ in_rebuilt_months('month_key') }}
),

title_revenue as (
    select * from {{ ref('fact_title_revenue_monthly') }}
    where {{ in_rebuilt_months('month_key') }}
),

title_months as (
    select
        coalesce(performance.movie_id, licences.movie_id) as movie_id,
        coalesce(performance.month_key, licences.month_key) as month_key,
        coalesce(performance.unique_viewers, 0) as viewers,
        coalesce(performance.watched_minutes, 0) as watched_minutes,
        performance.views,
        coalesce(performance.completers, 0) as completers,
        licences.licence_cost
    from performance
    full outer join licences
        on performance.movie_id = licences.movie_id and performance.month_key = licences.month_key
),

content_value as (
    select
        {{ as_text('title_months.movie_id') }} || '_' || {{ month_text('title_months.month_key') }} as movie_month_key,
        title_months.movie_id,
        title_months.month_key,
        title_months.viewers,
        coalesce(title_revenue.payers, 0) as payers,
        title_months.watched_minutes,
        title_months.views,
        title_months.completers,
        coalesce(title_revenue.attributed_revenue, 0) as attributed_revenue,
        title_months.licence_cost,
        {{ divide_money('title_months.licence_cost', 'title_months.views') }} as cost_per_view,
        {{ divide_money('title_months.licence_cost', 'title_months.completers') }} as cost_per_completer,
        {{ divide_money('title_months.licence_cost * 60', 'title_months.watched_minutes') }} as cost_per_hour,
        {{ ratio('coalesce(title_revenue.attributed_revenue, 0)', 'title_months.licence_cost') }} as efficiency,
        {{ is_complete_month('title_months.month_key') }} as is_complete
    from title_months
    left join title_revenue
        on title_months.movie_id = title_revenue.movie_id and title_months.month_key = title_revenue.month_key
)

select * from content_value
