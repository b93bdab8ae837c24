"""How a source row becomes a typed row, and which rule it breaks: SQL expressions, nothing executed.

The rules, in the order they are asked: `missing_key`, `not_parseable`, `missing_value`,
`unknown_value`, `impossible_value`, `end_before_start`. (`orphan`, `owner_mismatch` and
`before_parent` need other tables and are asked in load.)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from setia.schema import Column, Table
from setia.warehouses import literal, quote

RAW_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "decimal": "DECIMAL(18,4)",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}
WHOLE_NUMBER = r"[+-]?[0-9]{1,18}(\.0*)?"
KEY_NUMBER = "-?(0|[1-9][0-9]{0,17})"
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
DATED = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([ T].*)?"
HAS_OFFSET = r".*[0-9](Z|z|[ ]?[+-][0-9]{2}(:?[0-9]{2})?)$"
FLOATS = {"FLOAT", "DOUBLE"}
INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}


@dataclass(frozen=True)
class Origin:
    """Where rows of one table come from: a relation, an expression per column, and their types."""

    name: str
    relation: str
    expressions: Mapping[str, str]
    types: Mapping[str, str]
    zone: str
    """SQL of the zone in which naive times and dates are read."""


def raw_type(column: Column, key_types: Mapping[str, str], owner: str) -> str:
    """The DuckDB type of a column in raw; `owner` is the table whose key a key column holds."""
    return key_types[owner] if column.type == "key" else RAW_TYPES[column.type]


def owner_of(table: Table, column: Column) -> str:
    """The table whose key the column holds: the referenced one, or the table itself."""
    for reference in table.references:
        if reference.column == column.name:
            return reference.table
    return table.name


def select(table: Table, origin: Origin, key_types: Mapping[str, str]) -> str:
    """A query over the origin: `_origin`, `_n`, every column typed, `_rule` and `_column` (NULL: good)."""
    parsed = []
    for column in table.columns:
        value, source_type = origin.expressions[column.name], origin.types[column.name]
        target = raw_type(column, key_types, owner_of(table, column))
        name = quote(column.name)
        sql = _parse(value, source_type, target, origin.zone)
        parsed.append(f"{f'trim({sql})' if column.type == 'key' and target == 'VARCHAR' else sql} as {name}")
        parsed.append(f"{_present(value, source_type)} as {quote(column.name + '?')}")
    names = ", ".join(quote(column.name) for column in table.columns)
    return (
        f"select {literal(origin.name)} as _origin, _n, false as _is_loser, {names},"
        f" split_part(_broken, ':', 1) as _rule, split_part(_broken, ':', 2) as _column"
        f" from (select *, {_broken_rule(table)} as _broken"
        f" from (select rowid as _n, {', '.join(parsed)} from {origin.relation} as source))"
    )


def _present(value: str, source_type: str) -> str:
    if source_type == "VARCHAR":
        return f"(nullif(trim({value}), '') is not null)"
    if source_type in FLOATS:
        return f"({value} is not null and not isnan({value}))"
    return f"({value} is not null)"


def _parse(value: str, source_type: str, target: str, zone: str) -> str:
    text = f"trim(cast({value} as varchar))"
    if target == "VARCHAR":
        return f"cast({_whole(value, source_type)} as varchar)"
    if target == "BIGINT":
        if source_type in INTEGERS:
            return f"cast({value} as bigint)"
        whole = f"regexp_full_match({text}, {literal(WHOLE_NUMBER)})"
        return f"case when {whole} then try_cast({text} as bigint) end"
    if source_type == "VARCHAR" and target in ("DOUBLE", RAW_TYPES["decimal"]):
        value = f"case when regexp_full_match({text}, {literal(NUMBER)}) then {text} end"
    if target == "DOUBLE":
        return f"case when isfinite(try_cast({value} as double)) then try_cast({value} as double) end"
    if target == "DATE":
        return _finite(_date(value, source_type, text, zone), "date")
    if target == RAW_TYPES["timestamp"]:
        return _finite(_instant(value, source_type, text, zone), "timestamptz")
    return f"try_cast({value} as {target})"


def _whole(value: str, source_type: str) -> str:
    """A number without its empty fraction, so that the keys 2, 2.0 and 2.00 are the same text."""
    if source_type not in FLOATS and not source_type.startswith("DECIMAL"):
        return value
    whole = f"{value} = floor({value}) and abs({value}) < 1e15"
    return (
        f"case when {whole} then cast(cast({value} as bigint) as varchar) else cast({value} as varchar) end"
    )


def _finite(value: str, type_name: str) -> str:
    # 'infinity' and years that BigQuery can't hold are no dates of a business.
    lowest, highest = f"{type_name} '1900-01-01'", f"{type_name} '2200-01-01'"
    return f"case when {value} >= {lowest} and {value} < {highest} then {value} end"


def _instant(value: str, source_type: str, text: str, zone: str) -> str:
    if source_type == RAW_TYPES["timestamp"]:
        return value
    if source_type == "VARCHAR":
        offset, naive = _instant_texts(text)
        return f"case when {offset} is not null then {offset} else timezone({zone}, {naive}) end"
    return f"timezone({zone}, try_cast({value} as timestamp))"


def _instant_texts(text: str) -> tuple[str, str]:
    """SQL of the instant that a text with an offset names, and of the naive time that one without names.

    DuckDB reads neither an offset without colon nor a time without seconds; and it reads words like `epoch`.
    """
    dated = f"regexp_full_match({text}, {literal(DATED)})"
    colon = f"regexp_replace({text}, '[ ]?([+-][0-9]{{2}}):?([0-9]{{2}})$', '\\1:\\2')"
    seconds = (
        f"regexp_replace({colon}, '^(.{{10}}[ T][0-9]{{2}}:[0-9]{{2}})([Zz]|[+-][0-9:]+)$', '\\1:00\\2')"
    )
    has_offset = f"{dated} and regexp_full_match({text}, {literal(HAS_OFFSET)}) and length({text}) > 10"
    return (
        f"(case when {has_offset} then try_cast({seconds} as timestamptz) end)",
        f"(case when {dated} and not ({has_offset}) then try_cast({text} as timestamp) end)",
    )


def _date(value: str, source_type: str, text: str, zone: str) -> str:
    if source_type == RAW_TYPES["timestamp"]:
        return f"cast(timezone({zone}, {value}) as date)"
    if source_type == "VARCHAR":
        offset, naive = _instant_texts(text)
        return (
            f"cast(case when {offset} is not null then timezone({zone}, {offset}) else {naive} end as date)"
        )
    return f"try_cast({value} as date)"


def _broken_rule(table: Table) -> str:
    cases = [f"when not {quote(table.key + '?')} then 'missing_key:{table.key}'"]
    for column in table.columns:
        name, present = quote(column.name), quote(column.name + "?")
        cases.append(f"when {present} and {name} is null then 'not_parseable:{column.name}'")
    for column in table.columns[1:]:
        name, present = quote(column.name), quote(column.name + "?")
        if not column.nullable:
            cases.append(f"when not {present} then 'missing_value:{column.name}'")
        if column.values:
            known = ", ".join(literal(value) for value in column.values)
            cases.append(
                f"when lower(trim({name})) not in ({known}) and {present} then 'unknown_value:{column.name}'"
            )
        for limit, sign in ((column.minimum, "<"), (column.maximum, ">")):
            if limit is not None:
                cases.append(f"when {name} {sign} {limit} then 'impossible_value:{column.name}'")
    for column_name, condition in table.checks:
        cases.append(f"when not ({condition}) then 'impossible_value:{column_name}'")
    if table.interval:
        start, end = table.interval
        cases.append(f"when {quote(end)} < {quote(start)} then 'end_before_start:{end}'")
    return f"case {' '.join(cases)} end"
