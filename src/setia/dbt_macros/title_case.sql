{#- Clean text, in title case only when it came all in lower or all in upper case: McDonald stays as typed. -#}
{% macro title_case(expr) -%}
    {%- set text = clean_text(expr) -%}
    case when {{ text }} in (lower({{ text }}), upper({{ text }})) then {{ initial_capitals(text) }} else {{ text }} end
{%- endmacro %}
