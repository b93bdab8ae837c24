"""The rules of the house, run on the real files; and each rule run on one bad example, so that it bites."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import house_rules_dbt as rules
from dbt_projects import copy_of, manifest
from frozen_names import KEYS, MODELS, TAGS, TESTS
from house_rules_dbt import Project
from setia.businesses import BUSINESSES

# ---- dbt -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=BUSINESSES.values(), ids=list(BUSINESSES))
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = copy_of(request.param, tmp_path_factory.mktemp("rules"))
    return Project(request.param, manifest(folder, "parse", "sample"), folder)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_dbt_projects_keep(project: Project, rule: rules.Rule) -> None:
    assert len(project.nodes("model")) > 2 * len(project.business.tables)
    assert len(project.nodes("test")) > len(project.nodes("model"))
    problems = list(rule(project))
    assert not problems, "\n".join(problems)


def test_the_frozen_names_are_there(project: Project) -> None:
    name = project.business.name
    models = {node["name"]: node for _, node in project.nodes("model")}
    assert sorted(MODELS[name] - models.keys()) == []
    assert sorted(TESTS[name] - {node["name"] for _, node in project.nodes("test")}) == []
    assert sorted(TAGS[name] - {tag for node in models.values() for tag in node["tags"]}) == []
    raw = {table.raw for table in project.business.tables}
    assert (
        {node["name"] for _, node in project.nodes("seed")}
        == raw
        == {source["name"] for source in project.sources.values()}
    )


def test_the_frozen_keys_are_unique(project: Project) -> None:
    unique = {
        (node["attached_node"].split(".")[-1], node["column_name"])
        for _, node in project.nodes("test")
        if (node.get("test_metadata") or {}).get("name") == "unique"
    }
    assert unique
    assert sorted(KEYS[project.business.name] - unique) == []


# ---- the rules' own tests: a project without a fault, and one fault at a time -------------------


def node(kind: str, name: str, folder: str, sql: str, reads: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "resource_type": kind,
        "name": name,
        "fqn": ["ecommerce_analytics", folder, name],
        "original_file_path": f"models/{folder}/{name}.sql",
        "patch_path": f"ecommerce_analytics://models/{folder}/schema.yml",
        "description": "One row a thing.",
        "columns": {"key": {"name": "key", "data_type": "int64", "description": "What it is."}},
        "config": {"contract": {"enforced": folder == "marts"}},
        "raw_code": sql,
        "depends_on": {"nodes": list(reads)},
    }


def key_test(name: str, model: str) -> dict[str, Any]:
    return {
        **node("test", f"{name}_{model}", "staging", "{{ test(**kwargs) }}"),
        "attached_node": f"model.{model}",
        "test_metadata": {"name": name},
        "column_name": "key",
    }


def statement(source: str) -> str:
    return f"{{#- Grain: one row a thing. Question: which? -#}}\nwith things as (\n    select * from {source}\n)\n\nselect * from things"


def source_of(table: Any) -> dict[str, Any]:
    columns = [(c.name, rules.TYPES[c.type], c.personal) for c in table.columns]
    columns += [(name, kind, False) for name, kind in rules.AUDIT]
    return {
        "name": table.raw,
        "description": "Rows.",
        "source_description": "Raw.",
        "loaded_at_field": "_loaded_at",
        "freshness": {"warn_after": {"count": 36}},
        "columns": {
            name: {
                "name": name,
                "data_type": kind,
                "description": "What it is.",
                "config": {"meta": {"personal": True} if personal else {}},
            }
            for name, kind, personal in columns
        },
    }


def exposure(name: str, reads: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": "Who looks.",
        "maturity": "low",
        "owner": {"name": "A team", "email": None},
        "depends_on": {"nodes": [reads]},
    }


@pytest.fixture
def faultless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The smallest shop that keeps every rule: each table staged, one mart."""
    monkeypatch.setitem(rules.CONTRACTED, "ecommerce", ("marts",))
    business = BUSINESSES["ecommerce"]
    nodes: dict[str, Any] = {}
    for table in business.tables:
        name = f"stg_{table.name}"
        nodes[f"model.{name}"] = node(
            "model", name, "staging", statement("{{ source() }}"), (f"source.{table.raw}",)
        )
    nodes["model.fct_sales"] = node(
        "model", "fct_sales", "marts", statement("{{ ref() }}"), ("model.stg_orders",)
    )
    for key in [key for key in nodes if key.startswith("model.")]:
        model = key.removeprefix("model.")
        nodes[f"test.unique_{model}"] = key_test("unique", model)
        nodes[f"test.not_null_{model}"] = key_test("not_null", model)
    content = {
        "metadata": {"project_name": "ecommerce_analytics"},
        "nodes": nodes,
        "sources": {f"source.{table.raw}": source_of(table) for table in business.tables},
        "exposures": {},
        "macros": {
            "macro.score": {
                "name": "default__score",
                "package_name": "ecommerce_analytics",
                "original_file_path": "macros/score.sql",
                "macro_sql": "{% macro default__score() %}1{% endmacro %}",
            }
        },
    }
    (tmp_path / "models" / "staging").mkdir(parents=True)
    (tmp_path / "models" / "staging" / "schema.yml").write_text("version: 2\n")
    return Project(business, content, tmp_path)


def all_problems(project: Project) -> Iterator[str]:
    for rule in rules.RULES:
        for problem in rule(project):
            yield f"{rule.__name__} | {problem}"


def test_a_faultless_project_has_no_problems(faultless: Project) -> None:
    assert list(all_problems(faultless)) == []


Manifest = dict[str, Any]
Fault = Callable[[Manifest], object]


def mart(content: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = content["nodes"]["model.fct_sales"]
    return found


def staged(content: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = content["nodes"]["model.stg_orders"]
    return found


def orders(content: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = content["sources"]["source.raw_orders"]
    return found


def second_reader(content: Manifest) -> None:
    name = "stg_orders_again"
    content["nodes"][f"model.{name}"] = node("model", name, "staging", statement("x"), ("source.raw_orders",))
    for test in ("unique", "not_null"):
        content["nodes"][f"test.{test}_{name}"] = key_test(test, name)


def replace(content: dict[str, Any], before: str, after: str) -> None:
    assert before in content["raw_code"]
    content["raw_code"] = content["raw_code"].replace(before, after)


DBT_FAULTS: dict[str, tuple[Fault, str]] = {
    "models_lie_in_a_layer": (
        lambda m: mart(m).update(fqn=["ecommerce_analytics", "reports", "fct_sales"]),
        "fct_sales: folder reports/ is not one of staging, intermediate, marts, ml",
    ),
    "names_start_with_the_layers_prefix": (
        lambda m: mart(m).update(name="sales"),
        "sales: names in marts/ start with fct_ or dim_",
    ),
    "only_the_first_layer_reads_sources": (
        lambda m: mart(m)["depends_on"]["nodes"].append("source.unknown"),
        "fct_sales: reads a source; only staging/ may",
    ),
    "the_first_layer_reads_one_source_each": (
        lambda m: staged(m)["depends_on"]["nodes"].append("model.stg_products"),
        "stg_orders: a staging model reads exactly one source and no model",
    ),
    "every_source_is_read_by_one_model": (
        second_reader,
        "raw_orders: read by stg_orders, stg_orders_again; exactly one should",
    ),
    "nothing_reads_a_later_layer": (
        lambda m: (
            m["nodes"].update(
                {
                    "model.int_early": node(
                        "model", "int_early", "intermediate", statement("x"), ("model.fct_sales",)
                    )
                }
            ),
            m["nodes"].update({"test.u": key_test("unique_combination", "int_early")}),
        ),
        "int_early: reads fct_sales of the later layer marts",
    ),
    "models_have_few_parents": (
        lambda m: mart(m)["depends_on"]["nodes"].extend(["model.stg_orders"] * 7),
        "fct_sales: 8 parents, 7 at most; split it",
    ),
    "tables_are_named_by_ref_or_source": (
        lambda m: replace(mart(m), "{{ ref() }}", "staging.stg_orders -- from a.comment"),
        "fct_sales: names the table staging.stg_orders; use ref() or source()",
    ),
    "keys_are_tested": (
        lambda m: m["nodes"].pop("test.unique_fct_sales"),
        "fct_sales: no key is tested (unique + not_null, or unique_combination)",
    ),
    "models_and_columns_are_described": (
        lambda m: mart(m)["columns"]["key"].update(description=" "),
        "fct_sales.key: no description",
    ),
    "published_layers_keep_a_contract": (
        lambda m: mart(m)["columns"]["key"].update(data_type=None),
        "fct_sales.key: no data_type",
    ),
    "exposures_read_what_is_published": (
        lambda m: m["exposures"].update(
            report=exposure("report", "model.fct_sales"), list=exposure("list", "model.stg_orders")
        ),
        "list: reads stg_orders, which is not published",
    ),
    "sources_are_described_and_dated": (
        lambda m: orders(m).update(freshness=None),
        "raw_orders: no freshness (loaded_at_field and warn_after)",
    ),
    "sources_equal_the_tables_of_the_code": (
        lambda m: orders(m)["columns"]["order_id"].update(data_type="string"),
        "raw_orders: sources.yml differs from tables.py at (('order_id', 'int64'), ('order_id', 'string'))",
    ),
    "personal_columns_are_tagged": (
        lambda m: staged(m)["columns"].update(
            email={"name": "email", "description": "Where to write.", "config": {"meta": {}}}
        ),
        "stg_orders.email: is personal and not tagged (config: meta: personal: true)",
    ),
    "models_say_their_grain_and_question": (
        lambda m: replace(mart(m), "Question: which?", ""),
        "fct_sales: does not begin with a Jinja comment of its Grain: and its Question:",
    ),
    "models_end_in_their_last_step": (
        lambda m: replace(mart(m), "\nselect * from things", "\nselect 1 as one from things"),
        "fct_sales: the last line is not `select * from <the last CTE>`",
    ),
    "models_are_short": (
        lambda m: replace(mart(m), "with things", "\n" * 100 + "with things"),
        "fct_sales: 106 lines, 100 at most",
    ),
    "macros_are_short_and_alone_in_their_file": (
        lambda m: m["macros"]["macro.score"].update(original_file_path="macros/many.sql"),
        "default__score: lies in many.sql; one macro, one file of its name",
    ),
    "no_statement_reads_a_clock": (
        lambda m: m["macros"]["macro.score"].update(macro_sql="{# now() #}select {{ x }} - CURRENT_DATE"),
        "default__score: reads the clock (CURRENT_DATE); use as_of()",
    ),
    "yaml_is_short_and_beside_its_models": (
        lambda m: mart(m).update(patch_path="ecommerce_analytics://models/all.yml"),
        "fct_sales: described in models/all.yml, not beside its SQL",
    ),
}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_one_fault_gives_one_problem_of(faultless: Project, rule: rules.Rule) -> None:
    fault, problem = DBT_FAULTS[rule.__name__]
    content = copy.deepcopy(faultless.manifest)
    fault(content)
    bad = Project(faultless.business, content, faultless.folder)
    assert list(all_problems(bad)) == [f"{rule.__name__} | {problem}"]


def test_a_long_yaml_file_and_a_long_macro_are_problems(faultless: Project) -> None:
    (faultless.folder / "models" / "staging" / "schema.yml").write_text("# line\n" * 251)
    faultless.manifest["macros"]["macro.score"]["macro_sql"] = "x\n" * 31
    assert [problem.split(" | ")[1] for problem in all_problems(faultless)] == [
        "default__score: 31 lines, 30 at most",
        "staging/schema.yml: 251 lines, 250 at most",
    ]


def test_a_mart_without_an_enforced_contract_or_columns_is_a_problem(faultless: Project) -> None:
    mart(faultless.manifest).update(config={"contract": {"enforced": False}}, columns={})
    assert list(rules.published_layers_keep_a_contract(faultless)) == [
        "fct_sales: no enforced contract (config: contract: enforced: true)",
        "fct_sales: no column is described",
    ]


def test_an_exposure_that_says_nothing_is_a_problem(faultless: Project) -> None:
    said = exposure("report", "model.fct_sales")
    said |= {"description": " ", "owner": {"email": "team@example.com"}, "depends_on": {"nodes": []}}
    faultless.manifest["exposures"]["exposure.report"] = said
    assert list(rules.exposures_read_what_is_published(faultless)) == [
        "report: no description or no maturity",
        "report: the owner is a team's name, without an address",
        "report: reads nothing",
    ]


@pytest.mark.parametrize(
    "clock", ["current_date", "current_timestamp()", "now()", "getdate()", "{{ run_started_at }}"]
)
def test_every_clock_is_seen(faultless: Project, clock: str) -> None:
    replace(mart(faultless.manifest), "{{ ref() }}", clock)
    assert len(list(rules.no_statement_reads_a_clock(faultless))) == 1
