{#- A query: the days at which models may look back, one row a cutoff_date: as_of, and the last days of the months
    before it (variable training_cutoffs). -#}
{% macro cutoff_rows() -%}
    select date_key as cutoff_date
    from {{ ref('dim_date') }}
    where
        date_key = {{ as_of_date() }}
        or (
            {{ month_start(add_days('date_key', 1)) }} = {{ add_days('date_key', 1) }}
            and date_key < {{ as_of_date() }}
            and date_key > {{ add_days(as_of_date(), -31 * var('training_cutoffs') | int) }}
        )
{%- endmacro %}
