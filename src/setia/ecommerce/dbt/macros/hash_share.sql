{#- A number from 0 up to, and without, 1 that hangs on a text only and spreads evenly: the first 32 bits of its MD5,
    so that both engines, and every run, give a customer the same. -#}
{% macro hash_share(text) %}{{ return(adapter.dispatch('hash_share')(text)) }}{% endmacro %}

{% macro default__hash_share(text) %}{{ ratio("cast('0x' || substr(md5(" ~ text ~ "), 1, 8) as bigint)", 4294967296) }}{% endmacro %}

{% macro bigquery__hash_share(text) %}{{ ratio("cast('0x' || substr(to_hex(md5(" ~ text ~ ")), 1, 8) as int64)", 4294967296) }}{% endmacro %}
