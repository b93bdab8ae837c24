{#-
Grain: one row per session.
Question: who watched what, on which device, for how long, and to the end?
-#}
{{ config(partition_by=bq_partition('date_key'), cluster_by=bq_cluster(['movie_id'])) }}
with sessions as (
    select
        prep_watch_sessions.*,
        dim_movies.duration_min,
        {{ divide_money(
            microseconds_between('prep_watch_sessions.start_time', 'prep_watch_sessions.end_time'),
            60000000
        ) }} as elapsed_minutes
    from {{ ref('prep_watch_sessions') }} as prep_watch_sessions
    left join {{ ref('dim_movies') }} as dim_movies
        on prep_watch_sessions.movie_id = dim_movies.movie_id
),

capped_sessions as (
    select
        sessions.*,
        case
            when elapsed_minutes > coalesce(duration_min * 1.5, 1440)
                then {{ money('coalesce(duration_min * 1.5, 1440)', 4) }}
            else elapsed_minutes
        end as watch_duration_minutes
    from sessions
),

sessions_with_share as (
    select
        capped_sessions.*,
        coalesce(
            completion_rate,
            case
                when watch_duration_minutes >= duration_min then 1.0
                else {{ ratio('watch_duration_minutes', 'duration_min') }}
            end
        ) as known_completion_rate
    from capped_sessions
),

activity as (
    select
        session_id,
        user_id,
        movie_id,
        device_type,
        start_time,
        end_time,
        local_start_date as date_key,
        {{ month_start('local_start_date') }} as month_key,
        watch_duration_minutes,
        known_completion_rate as completion_rate,
        coalesce(known_completion_rate >= 0.85, false) as completed_flag
    from sessions_with_share
)

select * from activity
