{#-
Grain: one row per session.
Question: who watched what, on which device, for how long, and to the end?
Two devices may play at once: exclusive_minutes are those in which no earlier session of the user was
playing, so that they add up to the hours the user was watching. No session is longer than 1.5 times the
longest title, so that eight days before a month are enough to see which ones go on in it.
-#}
{{ config(cluster_by=bq_cluster(['movie_id']), **by_month('date_key')) }}
with sessions as (
    select
        prep_watch_sessions.*,
        dim_movies.duration_min,
        {{ minutes(divide_money(
            microseconds_between('prep_watch_sessions.start_time', 'prep_watch_sessions.end_time'),
            60000000
        )) }} as elapsed_minutes
    from {{ ref('prep_watch_sessions') }} as prep_watch_sessions
    left join {{ ref('dim_movies') }} as dim_movies
        on prep_watch_sessions.movie_id = dim_movies.movie_id
    where {{ in_rebuilt_months('prep_watch_sessions.local_start_date', 8) }}
),

capped_sessions as (
    select
        sessions.*,
        {{ minutes(minutes_since_1970('start_time')) }} as started_minute,
        case
            when elapsed_minutes > coalesce(duration_min * 1.5, 1440)
                then {{ minutes(money('coalesce(duration_min * 1.5, 1440)', 4)) }}
            else elapsed_minutes
        end as watch_duration_minutes
    from sessions
),

sessions_with_share as (
    select
        capped_sessions.*,
        max(started_minute + watch_duration_minutes) over (
            partition by user_id order by start_time, session_id
            rows between unbounded preceding and 1 preceding
        ) as earlier_end_minute,
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
        case
            when earlier_end_minute is null or earlier_end_minute <= started_minute then watch_duration_minutes
            when earlier_end_minute >= started_minute + watch_duration_minutes then 0
            else {{ minutes('started_minute + watch_duration_minutes - earlier_end_minute') }}
        end as exclusive_minutes,
        known_completion_rate as completion_rate,
        coalesce(known_completion_rate >= 0.85, false) as completed_flag
    from sessions_with_share
    where {{ in_rebuilt_months('local_start_date') }}
)

select * from activity
