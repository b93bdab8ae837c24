{#-
Grain: one row per stretch of playing that began before as_of.
Question: who played what, when in the reporting zone, and what share of it?
Scale of completion_rate: 0-100 when at least half of the table's values above 0 exceed 1, for then
0.9 means 0.9 %; else 0-1, and a stray value above 1 in it is read as a percentage.
-#}
{{ config(**by_month('local_start_date')) }}
with completion_scale as (
    select 2 * count(case when completion_rate > 1 then 1 end)
        >= count(case when completion_rate > 0 then 1 end) as is_percentage
    from {{ source('raw', 'raw_watch_sessions') }}
    {{ seeded('raw_watch_sessions') }}
    where _deleted_at is null
),

living_sessions as (
    select *
    from {{ source('raw', 'raw_watch_sessions') }}
    where _deleted_at is null and start_time < {{ as_of() }} and {{ is_rebuilt_instant('start_time') }}
),

cleaned_sessions as (
    select
        session_id,
        user_id,
        movie_id,
        {{ label('device_type') }} as device_type,
        start_time,
        end_time,
        {{ local_date('start_time') }} as local_start_date,
        case
            when is_percentage or completion_rate > 1 then completion_rate / 100
            else completion_rate
        end as completion_rate,
        {{ microseconds_between('coalesce(end_time, start_time)', 'updated_at') }}
        > 86400000000 as is_late,
        updated_at,
        _loaded_at,
        _batch_id
    from living_sessions
    cross join completion_scale
)

select * from cleaned_sessions
