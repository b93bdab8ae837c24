{#- A recurring amount normalised to a month: year / 12, week x 52 / 12, day x 365 / 12. -#}
{% macro monthly_amount(amount, billing_interval) -%}
case {{ billing_interval }}
        when 'year' then {{ divide_money(amount, 12) }}
        when 'week' then {{ divide_money('(' ~ amount ~ ') * 52', 12) }}
        when 'day' then {{ divide_money('(' ~ amount ~ ') * 365', 12) }}
        else {{ money(amount, 4) }}
    end
{%- endmacro %}
