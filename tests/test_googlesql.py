"""Every statement that dbt would send to BigQuery passes Google's own analyzer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dbt_projects import Manifest, copy_of, manifest
from frozen_names import PARTITIONED
from googlesql import Analyzer, Output, Refused, type_name
from setia.businesses import BUSINESSES
from setia.schema import Business

# dbt asks the warehouse whether a table is there; the gate asks for either branch by name.
IS_INCREMENTAL = """{% macro is_incremental() %}
    {%- set asked = config.get('materialized') == 'incremental' or model.name.startswith('hook_') -%}
    {{- return(asked and var('assume_increment')) -}}
{% endmacro %}"""
BUILT = ("model", "snapshot")
REBUILT = {"rebuilt_months": ["2023-03-01", "2023-04-01"], "rebuilt_users_since": "2023-02-01"}


@dataclass
class Findings:
    """What the gate saw: how many statements of each kind, and what BigQuery would refuse."""

    seen: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    outputs: dict[str, Output] = field(default_factory=dict)


def check(
    full: Manifest, incremental: Manifest | None = None, text_keys: frozenset[str] = frozenset()
) -> Findings:
    """Analyse all of a compiled project, parents first; `text_keys` are source columns taken as STRING.

    An incremental model is analysed twice: as it is built first, and as it reads what it has built.
    """
    analyzer, findings = Analyzer(), Findings()
    for source in full["sources"].values():
        columns = [
            (name, "string" if name in text_keys else str(column["data_type"]))
            for name, column in source["columns"].items()
        ]
        analyzer.add_table(path_of(source), columns)
    for key, node in parents_first(full):
        output = findings.outputs[key] = statement(analyzer, node, findings)
        findings.problems += column_problems(node, output)
        if node.get("relation_name"):
            analyzer.add_table(path_of(node), [column for column in output if not column[0].startswith("$")])
    for node in full["nodes"].values():
        if node["resource_type"] in ("test", "analysis") and not (text_keys and works_on_any_type(node)):
            statement(analyzer, node, findings)
    for key, node in (incremental or {"nodes": {}})["nodes"].items():
        if node["config"].get("materialized") == "incremental":
            again = statement(analyzer, node, findings, "incremental")
            if again and spelled(again) != spelled(findings.outputs[key]):
                findings.problems.append(f"{node['name']}: the incremental branch returns other columns")
        elif node["name"].startswith("hook_") and node["compiled_code"].strip():
            statement(analyzer, node, findings, "hook")
    return findings


def works_on_any_type(node: dict[str, Any]) -> bool:
    return (node.get("test_metadata") or {}).get("name") in ("unique", "not_null")


def statement(
    analyzer: Analyzer, node: dict[str, Any], findings: Findings, kind: str | None = None
) -> Output:
    """The columns that a node returns; what is refused is noted and returns none."""
    kind = kind or node["resource_type"]
    findings.seen[kind] = findings.seen.get(kind, 0) + 1
    if not node.get("compiled_code"):
        findings.problems.append(f"{kind} {node['name']}: dbt compiled nothing")
        return []
    try:
        return analyzer.output(node["compiled_code"])
    except Refused as refused:
        findings.problems.append(f"{kind} {node['name']}: {refused}")
        return []


def column_problems(node: dict[str, Any], output: Output) -> Iterator[str]:
    """Columns without a name, and columns of another type or in another order than the YAML, as a contract, declares."""
    for name, kind in output:
        if name.startswith("$"):
            yield f"{node['name']}: a column has no name"
        declared = (node["columns"].get(name) or {}).get("data_type")
        if declared and declared.upper() != type_name(kind):
            yield f"{node['name']}.{name} is declared {declared} and is {type_name(kind)}"
    # dbt makes the table in the order of the contract: `select *` of both would pair other columns.
    if node["config"].get("contract", {}).get("enforced") and list(node["columns"]) != [n for n, _ in output]:
        yield f"{node['name']}: its contract has the columns in another order"


def parents_first(content: Manifest) -> Iterator[tuple[str, dict[str, Any]]]:
    """The models and snapshots, each after what it reads."""
    built = {key: node for key, node in content["nodes"].items() if node["resource_type"] in BUILT}
    done: set[str] = set()

    def visit(key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if key in done or key not in built:
            return
        done.add(key)
        for parent in built[key]["depends_on"]["nodes"]:
            yield from visit(parent)
        yield key, built[key]

    for key in built:
        yield from visit(key)


def path_of(node: dict[str, Any]) -> tuple[str, ...]:
    """project, dataset and table of what dbt writes as `project`.`dataset`.`table`."""
    return tuple(node["relation_name"].replace("`", "").split("."))


def spelled(output: Output) -> list[tuple[str, str]]:
    return [(name, type_name(kind)) for name, kind in output]


def write_hooks(project: Path, content: Manifest) -> bool:
    """Each hook as an analysis, because dbt compiles hooks only when it runs; True when there are any."""
    found = False
    for node in content["nodes"].values():
        hooks = [*node["config"].get("pre-hook", ()), *node["config"].get("post-hook", ())]
        for number, hook in enumerate(hooks):
            sql = re.sub(r"{{-?\s*this\s*-?}}", f"{{{{ ref('{node['name']}') }}}}", hook["sql"])
            (project / "analyses").mkdir(exist_ok=True)
            (project / "analyses" / f"hook_{node['name']}_{number}.sql").write_text(sql, "utf-8")
            found = True
    return found


@pytest.fixture(scope="module", params=BUSINESSES.values(), ids=list(BUSINESSES))
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The business, and its project for BigQuery: built first, built again, and read as for keys that are texts."""
    business: Business = request.param
    project = copy_of(business, tmp_path_factory.mktemp("bigquery"))
    (project / "macros").mkdir(exist_ok=True)
    (project / "macros" / "is_incremental.sql").write_text(IS_INCREMENTAL)
    full = manifest(project, "compile", "bigquery", "--no-introspect", assume_increment=False, **REBUILT)
    again = None
    if write_hooks(project, full) or has_incremental_models(full):
        again = manifest(project, "compile", "bigquery", "--no-introspect", assume_increment=True, **REBUILT)
    keys = {table.key: "string" for table in business.tables}  # as `setia transform` says it
    texts = manifest(project, "parse", "bigquery", key_types=keys)
    return business, full, again, texts


@pytest.fixture(scope="module")
def findings(compiled: Any) -> Findings:
    return check(compiled[1], compiled[2])


def has_incremental_models(content: Manifest) -> bool:
    return any(node["config"].get("materialized") == "incremental" for node in content["nodes"].values())


def test_bigquery_accepts_every_compiled_statement(compiled: Any, findings: Findings) -> None:
    business, full, *_ = compiled
    assert not findings.problems, "\n".join(findings.problems)
    assert len(full["sources"]) == len(business.tables) + any(
        depends.users for depends in business.rebuilt_by.values()
    )
    assert findings.seen["model"] > 2 * len(business.tables)
    assert findings.seen["test"] > findings.seen["model"]
    assert findings.seen.get("incremental", 0) == sum(
        node["config"].get("materialized") == "incremental" for node in full["nodes"].values()
    )

    assert bool(findings.seen.get("hook")) == has_hooks(full)


def test_every_column_that_a_model_returns_is_described_and_no_other(
    compiled: Any, findings: Findings
) -> None:
    assert findings.outputs
    returned = {key: [name for name, _ in output] for key, output in findings.outputs.items()}
    problems = list(description_problems(compiled[1], returned))
    assert not problems, "\n".join(problems)


def description_problems(content: Manifest, returned: dict[str, list[str]]) -> Iterator[str]:
    for key, names in returned.items():
        node = content["nodes"][key]
        for name in names:
            if name not in node["columns"]:
                yield f"{node['name']}.{name} is returned and not described"
        for name in node["columns"]:
            if name not in names:
                yield f"{node['name']}.{name} is described and not returned"


def test_the_description_rule_sees_both_faults() -> None:
    content = project_of(first="select 1")
    content["nodes"]["first"]["columns"] = {"gone": {}, "key": {}}
    assert list(description_problems(content, {"first": ["key", "new"]})) == [
        "first.new is returned and not described",
        "first.gone is described and not returned",
    ]


def test_the_monthly_marts_are_partitioned_by_month_and_clustered(compiled: Any) -> None:
    business, full, *_ = compiled
    configs = {node["name"]: node["config"] for node in full["nodes"].values()}
    for name, cluster in PARTITIONED[business.name].items():
        assert configs[name]["partition_by"]["granularity"] == "month", name
        assert cluster in configs[name]["cluster_by"], name


def test_bigquery_accepts_every_statement_when_the_keys_are_text(compiled: Any) -> None:
    business, full, again, texts = compiled
    nodes = {key: node | {"columns": texts["nodes"][key]["columns"]} for key, node in full["nodes"].items()}
    full = full | {"nodes": nodes}
    keys = frozenset(c.name for table in business.tables for c in table.columns if c.type == "key")
    assert len(keys) >= len(business.tables)
    findings = check(full, again, text_keys=keys)
    assert not findings.problems, "\n".join(findings.problems)


def has_hooks(content: Manifest) -> bool:
    configs = [node["config"] for node in content["nodes"].values()]
    return any(config.get("pre-hook") or config.get("post-hook") for config in configs)


def project_of(**models: str) -> Manifest:
    """A compiled project of one source, `orders`, and the given models, each reading the one before."""
    columns = {"order_id": "int64", "amount": "numeric", "day": "date"}
    source = {
        "relation_name": "`p`.`raw`.`orders`",
        "columns": {name: {"data_type": kind} for name, kind in columns.items()},
    }
    nodes = {
        name: {
            "name": name,
            "resource_type": "model",
            "relation_name": f"`p`.`d`.`{name}`",
            "compiled_code": sql,
            "columns": {},
            "config": {},
            "depends_on": {"nodes": list(models)[:number]},
        }
        for number, (name, sql) in enumerate(models.items())
    }
    return {"sources": {"orders": source}, "nodes": dict(reversed(nodes.items()))}


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("select median(amount) as m from `p`.`raw`.`orders`", "Function not found: median"),
        ("select cast(amount as varchar) as m from `p`.`raw`.`orders`", "Type not found: varchar"),
        ("select cast(amount as numeric(10, 2)) as m from `p`.`raw`.`orders`", "Parameterized types"),
        ("select amount::string as m from `p`.`raw`.`orders`", "Syntax error"),
        ("select count(*) filter (where amount > 1) as m from `p`.`raw`.`orders`", "Syntax error"),
        ("select amount + 'x' as m from `p`.`raw`.`orders`", "No matching signature"),
        ("select day + 1.5 as m from `p`.`raw`.`orders`", "No matching signature"),
        ("select nothing as m from `p`.`raw`.`orders`", "Unrecognized name: nothing"),
        ("select amount as m from `p`.`raw`.`sales`", "Table not found"),
        ("select amount, count(*) as m from `p`.`raw`.`orders`", "neither grouped nor aggregated"),
        ("select amount as a, a + 1 as m from `p`.`raw`.`orders`", "Unrecognized name: a"),
        ("select amount + 1 from `p`.`raw`.`orders`", "has no name"),
        ("", "compiled nothing"),
    ],
)
def test_the_gate_refuses(sql: str, complaint: str) -> None:
    problems = check(project_of(planted=sql)).problems
    assert len(problems) == 1
    assert complaint in problems[0]


def test_the_gate_knows_what_a_model_returns_to_the_next_one() -> None:
    first = "select order_id, day from `p`.`raw`.`orders`"
    good = project_of(first=first, second="select date_add(day, interval 1 day) as day from `p`.`d`.`first`")
    assert check(good).problems == []
    bad = project_of(first=first, second="select amount as m from `p`.`d`.`first`")
    assert "Unrecognized name: amount" in check(bad).problems[0]


def test_the_gate_compares_declared_and_returned_types() -> None:
    content = project_of(first="select order_id from `p`.`raw`.`orders`")
    content["nodes"]["first"]["columns"] = {"order_id": {"data_type": "string"}}
    assert check(content).problems == ["first.order_id is declared string and is INT64"]


def test_the_gate_compares_the_order_of_a_contract() -> None:
    content = project_of(first="select day, amount from `p`.`raw`.`orders`")
    content["nodes"]["first"]["columns"] = {"amount": {"data_type": "numeric"}, "day": {"data_type": "date"}}
    assert check(content).problems == []
    content["nodes"]["first"]["config"] = {"contract": {"enforced": True}}
    assert check(content).problems == ["first: its contract has the columns in another order"]


def test_the_gate_compares_the_two_branches_of_an_incremental_model() -> None:
    full = project_of(first="select order_id from `p`.`raw`.`orders`")
    full["nodes"]["first"]["config"] = {"materialized": "incremental"}
    again = project_of(first="select cast(order_id as string) as order_id from `p`.`d`.`first`")
    again["nodes"]["first"]["config"] = {"materialized": "incremental"}
    assert check(full, again).problems == ["first: the incremental branch returns other columns"]
