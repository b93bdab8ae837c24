{#- The instant that a run speaks of, as validated text: 'YYYY-MM-DD HH:MM:SS+00:00'. -#}
{% macro as_of_text() %}
    {%- set given = var('as_of', var('sample_as_of', none) if target.name == 'sample' else none) -%}
    {%- if not execute and not given -%}{{ return('1970-01-01 00:00:00+00:00') }}{%- endif -%}
    {%- if not modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?[+]00:00$', given | string) -%}
        {{ exceptions.raise_compiler_error(
            "The variable as_of is " ~ (("'" ~ given ~ "'") if given else "not set") ~ ".\n"
            ~ "It must be a UTC instant such as '2023-07-20 17:00:00+00:00'; rows from that instant on are left out.\n"
            ~ "Add --vars '{as_of: \"2023-07-20 17:00:00+00:00\"}', or run `setia transform`, which sets it."
        ) }}
    {%- endif -%}
    {{ return(given) }}
{% endmacro %}
