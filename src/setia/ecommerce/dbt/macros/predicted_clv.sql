{#- The tutorial's rule: lifetime revenue times a multiplier by total score. 0 without orders, never negative. -#}
{% macro predicted_clv(monetary_value, total_score) -%}
    case
        when {{ total_score }} is null or {{ monetary_value }} <= 0 then {{ amount('0', 3) }}
        else {{ amount(
            'case when ' ~ total_score ~ ' >= 12 then ' ~ monetary_value ~ ' * 2.0'
            ~ ' when ' ~ total_score ~ ' >= 9 then ' ~ monetary_value ~ ' * 1.5'
            ~ ' when ' ~ total_score ~ ' >= 6 then ' ~ monetary_value ~ ' * 1.2'
            ~ ' else ' ~ monetary_value ~ ' * 0.8 end', 3) }}
    end
{%- endmacro %}
