{#- Select list of r_quintile, f_quintile and m_quintile: ranks among the customers with an order in the window
    (`frequency` counts those), of the same month where `month` names one. All others have the lowest scores. -#}
{% macro rfm_quintiles(recency_days, frequency, monetary, month=none) -%}
    {%- set among = (month ~ ', ' if month else '') ~ frequency ~ ' > 0' -%}
    case when {{ frequency }} > 0 then {{ quintile(recency_days ~ ' desc', among) }} else 1 end as r_quintile,
    case when {{ frequency }} > 0 then {{ quintile(frequency, among) }} else 1 end as f_quintile,
    case when {{ frequency }} > 0 then {{ quintile(monetary, among) }} else 1 end as m_quintile
{%- endmacro %}
