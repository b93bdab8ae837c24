{#- SQL for the last day that ml_customer_features covers, a DATE: the variable features_cutoff, or that of as_of. -#}
{% macro cutoff_date() %}
    {%- set given = var('features_cutoff') -%}
    {%- if given is none -%}{{ return(as_of_date()) }}{%- endif -%}
    {%- if not modules.re.match('^\d{4}-\d\d-\d\d$', given | string) -%}
        {{ exceptions.raise_compiler_error(
            "The variable features_cutoff is '" ~ given ~ "'.\n"
            ~ "It must be a day such as 2024-01-31, the last that the features cover.\n"
            ~ "Add --vars '{features_cutoff: \"2024-01-31\"}', or leave it out for the day of as_of."
        ) }}
    {%- endif -%}
    {{ return("least(date '" ~ given ~ "', " ~ as_of_date() ~ ")") }}
{% endmacro %}
