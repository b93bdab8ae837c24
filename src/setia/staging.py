"""How a source row becomes a typed row, and which rule it breaks: SQL expressions, nothing executed.

The rules, in the order they are asked: `missing_key`, `not_parseable`, `missing_value` (or `conflicting_owner`
and `unknown_owner`, where other rows tell the value), `unknown_value`, `impossible_value`, `end_before_start`;
then, of the rows that it refers to, `orphan`, `owner_mismatch` and `before_parent`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from duckdb import DuckDBPyConnection

from setia.schema import Business, Column, Reference, Table
from setia.sources import SourceTable, reading
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
# PostgreSQL wrote the text itself: a number or NaN, and no need to look at its form.
NUMERIC_TEXT = "NUMERIC"
OWNER_RULES = ("conflicting_owner", "unknown_owner")
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
    number: str = "rowid"
    """SQL of what tells its rows apart."""


@dataclass(frozen=True)
class Rules:
    """What rows are judged by, beside themselves: the keys' types, the other tables, the reporting zone."""

    business: Business
    key_types: Mapping[str, str]
    zone: str
    alone: bool = False
    """Each row by itself, without those that it refers to."""
    derived: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(table, column) of the keys that other rows tell, with the lookup that says them by the table's own key."""


def origin_of(connection: DuckDBPyConnection, source_table: SourceTable, zone: str) -> Origin:
    """The table's rows, with the type of each of our columns' expressions."""
    relation = f"({source_table.relation})"
    columns = ", ".join(f"{sql} as {quote(name)}" for name, sql in source_table.expressions.items())
    with reading(source_table):
        described = connection.execute(f"describe select {columns} from {relation} as source").fetchall()
    places = {f"source._c{place}": kind for place, kind in enumerate(source_table.columns.values(), 1)}
    types = {
        row[0]: NUMERIC_TEXT if places.get(source_table.expressions[row[0]]) == "numeric" else row[1]
        for row in described
    }
    return Origin("source", relation, source_table.expressions, types, literal(zone))


def raw_type(column: Column, key_types: Mapping[str, str], owner: str) -> str:
    """The DuckDB type of a column in raw; `owner` is the table whose key a key column holds."""
    return key_types[owner] if column.type == "key" else RAW_TYPES[column.type]


def owner_of(table: Table, column: Column) -> str:
    """The table whose key the column holds: the referenced one, or the table itself."""
    for reference in table.references:
        if reference.column == column.name:
            return reference.table
    return table.name


def typed(table: Table, origin: Origin, key_types: Mapping[str, str]) -> dict[str, str]:
    """Our columns -> SQL of their typed values over the origin's rows (alias `source`)."""
    parsed = {}
    for column in table.columns:
        target = raw_type(column, key_types, owner_of(table, column))
        value, source_type = origin.expressions[column.name], origin.types[column.name]
        sql = _parse(value, source_type, target, origin.zone)
        if column.type == "key" and target == "VARCHAR":
            sql = f"trim({sql})"
        elif column.type == "key" and source_type == "VARCHAR":
            # '01' and '1' are two texts, and must not become one number.
            sql = f"case when regexp_full_match(trim({value}), {literal(KEY_NUMBER)}) then {sql} end"
        parsed[column.name] = sql
    return parsed


def deriving(table: Table, origin: Origin, rules: Rules) -> Origin:
    """The origin with what other rows tell of its rows in the columns that these lack."""
    expressions, types = dict(origin.expressions), dict(origin.types)
    for (name, column), lookup in rules.derived.items():
        if name == table.name:
            key = typed(table, origin, rules.key_types)[table.key]
            expressions[column] = f"(select value from {lookup} as told where told.key = {key})"
            types[column] = raw_type(
                table.column(column), rules.key_types, owner_of(table, table.column(column))
            )
    return replace(origin, expressions=expressions, types=types)


def select(table: Table, origin: Origin, rules: Rules, keep: tuple[str, ...] = ()) -> str:
    """A query over the origin: `_origin`, `_n`, every column typed, `_rule` and `_column` (NULL: good).

    `keep` are columns of the origin that are handed on as they are.
    """
    parsed = [f"{sql} as {quote(name)}" for name, sql in typed(table, origin, rules.key_types).items()]
    for name, value in origin.expressions.items():
        parsed.append(f"{_present(value, origin.types[name])} as {_has(table, name)}")
    names = ", ".join([*(quote(column.name) for column in table.columns), *keep])
    rows = f"select {', '.join([f'{origin.number} as _n', *parsed, *keep])} from {origin.relation} as source"
    fallible = {name for name, kind in origin.types.items() if _may_fail(table, name, kind, rules)}
    own = f"(select *, {_case(_broken_rules(table, fallible, rules))} as _own_rule from ({rows})) as own"
    references = [] if rules.alone else _broken_references(table, rules)
    broken = f"coalesce(_own_rule, {_case(references)})" if references else "_own_rule"
    return (
        f"select {literal(origin.name)} as _origin, _n, false as _is_loser, {names},"
        f" split_part(_broken, ':', 1) as _rule, split_part(_broken, ':', 2) as _column"
        f" from (select own.*, {broken} as _broken from {own} {'' if rules.alone else _parents(table, rules)})"
    )


def disagreements(reference: Reference, row: str, parent: str, zone: str) -> list[tuple[str, str, str]]:
    """(rule, column, SQL condition) of each way in which a row and its parent can't both be right."""
    found = []
    if reference.same:
        own, theirs = (quote(name) for name in reference.same)
        found.append(("owner_mismatch", reference.same[0], f"{row}.{own} <> {parent}.{theirs}"))
    if reference.not_before:
        own, theirs = (
            f"cast(timezone({literal(zone)}, {side}.{quote(name)}) as date)"
            for side, name in zip((row, parent), reference.not_before, strict=True)
        )
        found.append(("before_parent", reference.not_before[0], f"{own} < {theirs}"))
    return found


def _is_compared(reference: Reference) -> bool:
    return reference.same is not None or reference.not_before is not None


def _parents(table: Table, rules: Rules) -> str:
    """Joins to the parents whose columns are compared; of the others the keys are enough."""
    joins = []
    for place, reference in enumerate(table.references):
        parent, alias = rules.business.table(reference.table), f"parent_{place}"
        if _is_compared(reference):
            joins.append(
                f"left join {rules.business.name}_raw.{parent.raw} as {alias}"
                f" on {alias}.{quote(parent.key)} = own.{quote(reference.column)} and {alias}._deleted_at is null"
            )
    return " ".join(joins)


def _broken_references(table: Table, rules: Rules) -> list[tuple[str, str, str]]:
    cases = []
    for place, reference in enumerate(table.references):
        parent, column = rules.business.table(reference.table), f"own.{quote(reference.column)}"
        key, alias = quote(parent.key), f"parent_{place}"
        known = f"(select {key} from {rules.business.name}_raw.{parent.raw} where _deleted_at is null)"
        unknown = f"{alias}.{key} is null" if _is_compared(reference) else f"{column} not in {known}"
        cases.append(("orphan", reference.column, f"{column} is not null and {unknown}"))
        cases += disagreements(reference, "own", alias, rules.zone)
    return cases


def _case(broken: list[tuple[str, str, str]]) -> str:
    whens = (f"when {condition} then {literal(f'{rule}:{column}')}" for rule, column, condition in broken)
    return f"case {' '.join(whens)} end"


def _has(table: Table, name: str) -> str:
    """The name of a staged flag: whether the source's row has a value there."""
    return f"_has{[column.name for column in table.columns].index(name)}"


def _present(value: str, source_type: str) -> str:
    if source_type == "VARCHAR":
        return f"(nullif(trim({value}), '') is not null)"
    if source_type in FLOATS:
        return f"({value} is not null and not isnan({value}))"
    return f"({value} is not null)"


def _parse(value: str, source_type: str, target: str, zone: str) -> str:
    if source_type == "FLOAT":
        value = f"cast({value} as double)"  # so that it rounds as the same value does once it was held
    text = f"trim(cast({value} as varchar))"
    if source_type == NUMERIC_TEXT and target == RAW_TYPES["decimal"]:
        return f"try_cast({value} as {target})"
    if target == "VARCHAR":
        return f"cast({_whole(value, source_type)} as varchar)"
    if target == "BIGINT":
        if source_type in INTEGERS:
            return f"cast({value} as bigint)"
        whole = f"regexp_full_match({text}, {literal(WHOLE_NUMBER)})"
        return f"case when {whole} then try_cast({text} as bigint) end"
    if source_type in ("VARCHAR", NUMERIC_TEXT) and target in ("DOUBLE", RAW_TYPES["decimal"]):
        value = f"case when regexp_full_match({text}, {literal(NUMBER)}) then {text} end"
        if target != "DOUBLE":
            # DuckDB takes the text 9e-06 for the decimal 0.0001.
            exact, rounded = (
                f"try_cast({each} as {target})" for each in (value, f"try_cast({value} as double)")
            )
            return f"case when contains(lower({text}), 'e') then {rounded} else {exact} end"
    if target == "DOUBLE":
        return f"case when isfinite(try_cast({value} as double)) then try_cast({value} as double) end"
    if target == "DATE":
        return _finite(_date(value, source_type, text, zone), "date")
    if target == RAW_TYPES["timestamp"]:
        return _finite(_instant(value, source_type, text, zone), "timestamptz")
    return f"try_cast({value} as {target})"


def as_text(value: str, source_type: str) -> str:
    """SQL of a value as a text that is read again as the value itself."""
    if source_type in FLOATS:
        return _whole(f"cast({value} as double)", "DOUBLE")
    return _whole(value, source_type)


def _whole(value: str, source_type: str) -> str:
    """A number without its empty fraction, so that the keys 2, 2.0 and 2.00 are the same text."""
    if source_type == NUMERIC_TEXT:
        return f"regexp_replace({value}, '\\.0+$', '')"
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
        offset, naive = instant_texts(text)
        return f"case when {offset} is not null then {offset} else timezone({zone}, {naive}) end"
    return f"timezone({zone}, try_cast({value} as timestamp))"


def instant_texts(text: str) -> tuple[str, str]:
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
        offset, naive = instant_texts(text)
        return (
            f"cast(case when {offset} is not null then timezone({zone}, {offset}) else {naive} end as date)"
        )
    return f"try_cast({value} as date)"


def _may_fail(table: Table, name: str, source_type: str, rules: Rules) -> bool:
    """Whether a value of the type may be there and yet have no meaning in raw: any text is a text."""
    column = table.column(name)
    target = raw_type(column, rules.key_types, owner_of(table, column))
    return target != "VARCHAR" and not (target == "BIGINT" and source_type in INTEGERS)


def _broken_rules(table: Table, fallible: set[str], rules: Rules) -> list[tuple[str, str, str]]:
    """(rule, column, SQL condition), in the order in which they are asked; `fallible` columns may not parse."""
    cases = [("missing_key", table.key, f"not {_has(table, table.key)}")]
    for column in (column for column in table.columns if column.name in fallible):
        name, present = quote(column.name), _has(table, column.name)
        cases.append(("not_parseable", column.name, f"{present} and {name} is null"))
    for column in table.columns[1:]:
        lookup = rules.derived.get((table.name, column.name))
        if lookup:
            cases += _broken_derivation(table, column, lookup)
        else:
            cases += _broken_values(column, _has(table, column.name))
    cases += [("impossible_value", name, f"not ({condition})") for name, condition in table.checks]
    if table.interval:
        start, end = table.interval
        cases.append(("end_before_start", end, f"{quote(end)} < {quote(start)}"))
    return cases


def _broken_derivation(table: Table, column: Column, lookup: str) -> list[tuple[str, str, str]]:
    disputed = f"{quote(table.key)} in (select key from {lookup} where value is null)"
    conflicting, unknown = OWNER_RULES
    unsaid = f"{quote(column.name)} is null"
    return [(conflicting, column.name, disputed), (unknown, column.name, unsaid)]


def _broken_values(column: Column, present: str) -> list[tuple[str, str, str]]:
    name = quote(column.name)
    cases = [] if column.nullable else [("missing_value", column.name, f"not {present}")]
    if column.values:
        known = ", ".join(literal(value) for value in column.values)
        unknown = f"lower(trim({name})) not in ({known}) and {present}"
        cases.append(("unknown_value", column.name, unknown))
    for limit, sign in ((column.minimum, "<"), (column.maximum, ">")):
        if limit is not None:
            cases.append(("impossible_value", column.name, f"{name} {sign} {limit}"))
    return cases
