{#- Fails for each row below 0, and for a missing value unless nullable. -#}
{% test not_negative(model, column_name, nullable=true) %}
select *
from {{ model }}
where {{ column_name }} < 0{% if not nullable %} or {{ column_name }} is null{% endif %}
{% endtest %}
