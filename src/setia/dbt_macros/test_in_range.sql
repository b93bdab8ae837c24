{#- Fails for each row outside of minimum to maximum (both allowed), and for a missing value unless nullable. -#}
{% test in_range(model, column_name, minimum=none, maximum=none, nullable=true) %}
select *
from {{ model }}
where
    false
    {%- if minimum is not none %} or {{ column_name }} < {{ minimum }}{% endif %}
    {%- if maximum is not none %} or {{ column_name }} > {{ maximum }}{% endif %}
    {%- if not nullable %} or {{ column_name }} is null{% endif %}
{% endtest %}
