"""The house rules of both dbt projects. Each rule yields a sentence per problem, read from dbt's manifest."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setia.schema import Business

Node = dict[str, Any]

LAYERS = {
    "ecommerce": {"staging": ("stg_",), "intermediate": ("int_",), "marts": ("fct_", "dim_"), "ml": ("ml_",)},
    "movie_streaming": {
        "preparation": ("prep_",),
        "model": ("dim_", "fact_", "bridge_"),
        "mart": ("mart_",),
        "ml": ("ml_",),
    },
}
# The layers whose models promise the type of every column, enforced by dbt at each build.
CONTRACTED: dict[str, tuple[str, ...]] = {"ecommerce": ("marts", "ml"), "movie_streaming": ("mart",)}
MODEL_LINES, MACRO_LINES, YAML_LINES, PARENTS = 100, 30, 250, 7
TYPES = {
    "key": "int64",
    "string": "string",
    "integer": "int64",
    "decimal": "numeric",
    "float": "float64",
    "boolean": "bool",
    "date": "date",
    "timestamp": "timestamp",
}
AUDIT = [("_loaded_at", "timestamp"), ("_batch_id", "int64"), ("_deleted_at", "timestamp")]

COMMENT = re.compile(r"{#.*?#}|/\*.*?\*/|--[^\n]*", re.DOTALL)
JINJA = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
EXTRACT = re.compile(r"\bextract\s*\(\s*\w+\s+from\b", re.IGNORECASE)
HARD_CODED = re.compile(r"\b(?:from|join)\s+([\"`\w]+\.[\"`\w.]+)", re.IGNORECASE)
CLOCK = re.compile(
    r"\b(?:current_(?:date|time|timestamp|datetime)|localtime(?:stamp)?|getdate|sysdate|run_started_at|today|now)\b"
    r"(?!\s*=)",
    re.IGNORECASE,
)
HEADER = re.compile(r"\A{#-?.*?Grain:.*?Question:.*?-?#}", re.DOTALL)
LAST_LINE = re.compile(r"\bselect \* from (\w+)\s*\Z")
DISPATCHED = re.compile(r"^(?:default|duckdb|bigquery)__")


@dataclass(frozen=True)
class Project:
    """A dbt project as dbt read it, with the business whose tables it transforms."""

    business: Business
    manifest: Node
    folder: Path

    def nodes(self, kind: str) -> list[tuple[str, Node]]:
        """The nodes of a kind, such as model, test or seed."""
        return [(key, node) for key, node in self.manifest["nodes"].items() if node["resource_type"] == kind]

    @property
    def sources(self) -> dict[str, Node]:
        """The raw tables; what Setia keeps beside them begins with an underscore."""
        return {
            key: node for key, node in self.manifest["sources"].items() if not node["name"].startswith("_")
        }

    @property
    def layers(self) -> dict[str, tuple[str, ...]]:
        """The layers in order, each with the prefixes of its models."""
        return LAYERS[self.business.name]

    @property
    def macros(self) -> list[Node]:
        """The project's own macros and the shared ones."""
        name = self.manifest["metadata"]["project_name"]
        return [macro for macro in self.manifest["macros"].values() if macro["package_name"] == name]


Rule = Callable[[Project], Iterator[str]]


def layer(node: Node) -> str:
    return str(node["fqn"][1])


def parents(node: Node, kind: str) -> list[str]:
    return [parent for parent in node["depends_on"]["nodes"] if parent.startswith(f"{kind}.")]


def sql_of(node: Node) -> str:
    """The statement without comments, each Jinja expression replaced by one word."""
    return JINJA.sub("jinja", COMMENT.sub("", node["raw_code"]))


def models_lie_in_a_layer(project: Project) -> Iterator[str]:
    for _, node in project.nodes("model"):
        if layer(node) not in project.layers:
            yield f"{node['name']}: folder {layer(node)}/ is not one of {', '.join(project.layers)}"


def names_start_with_the_layers_prefix(project: Project) -> Iterator[str]:
    for _, node in project.nodes("model"):
        prefixes = project.layers.get(layer(node), ("",))
        if not node["name"].startswith(prefixes):
            yield f"{node['name']}: names in {layer(node)}/ start with {' or '.join(prefixes)}"


def only_the_first_layer_reads_sources(project: Project) -> Iterator[str]:
    first = next(iter(project.layers))
    for _, node in project.nodes("model"):
        if parents(node, "source") and layer(node) != first:
            yield f"{node['name']}: reads a source; only {first}/ may"


def the_first_layer_reads_one_source_each(project: Project) -> Iterator[str]:
    first = next(iter(project.layers))
    for _, node in project.nodes("model"):
        if layer(node) == first and (len(parents(node, "source")) != 1 or parents(node, "model")):
            yield f"{node['name']}: a {first} model reads exactly one source and no model"


def every_source_is_read_by_one_model(project: Project) -> Iterator[str]:
    for key, source in project.sources.items():
        readers = [node["name"] for _, node in project.nodes("model") if key in node["depends_on"]["nodes"]]
        if len(readers) != 1:
            yield f"{source['name']}: read by {', '.join(readers) or 'no model'}; exactly one should"


def nothing_reads_a_later_layer(project: Project) -> Iterator[str]:
    order, models = list(project.layers), dict(project.nodes("model"))
    for node in models.values():
        for parent in parents(node, "model"):
            there, here = layer(models[parent]), layer(node)
            if there in order and here in order and order.index(there) > order.index(here):
                yield f"{node['name']}: reads {models[parent]['name']} of the later layer {there}"


def models_have_few_parents(project: Project) -> Iterator[str]:
    for _, node in project.nodes("model"):
        count = len(parents(node, "model") + parents(node, "source"))
        if count > PARENTS:
            yield f"{node['name']}: {count} parents, {PARENTS} at most; split it"


def tables_are_named_by_ref_or_source(project: Project) -> Iterator[str]:
    for kind in ("model", "test", "analysis"):
        for _, node in project.nodes(kind):
            for table in HARD_CODED.findall(EXTRACT.sub("", sql_of(node))):
                yield f"{node['name']}: names the table {table}; use ref() or source()"


def keys_are_tested(project: Project) -> Iterator[str]:
    for key, node in project.nodes("model"):
        tests: dict[str | None, set[str]] = {}
        for _, test in project.nodes("test"):
            if test.get("attached_node") == key and test.get("test_metadata"):
                tests.setdefault(test["column_name"], set()).add(test["test_metadata"]["name"])
        one_column = any({"unique", "not_null"} <= names for names in tests.values())
        if not one_column and not any("unique_combination" in names for names in tests.values()):
            yield f"{node['name']}: no key is tested (unique + not_null, or unique_combination)"


def models_and_columns_are_described(project: Project) -> Iterator[str]:
    for _, node in project.nodes("model"):
        if not node["description"].strip():
            yield f"{node['name']}: no description"
        for column in node["columns"].values():
            if not column["description"].strip():
                yield f"{node['name']}.{column['name']}: no description"


def published_layers_keep_a_contract(project: Project) -> Iterator[str]:
    for _, node in project.nodes("model"):
        if layer(node) not in CONTRACTED[project.business.name]:
            continue
        if not node["config"]["contract"]["enforced"]:
            yield f"{node['name']}: no enforced contract (config: contract: enforced: true)"
        if not node["columns"]:
            yield f"{node['name']}: no column is described"
        for column in node["columns"].values():
            if not column.get("data_type"):
                yield f"{node['name']}.{column['name']}: no data_type"


def exposures_read_what_is_published(project: Project) -> Iterator[str]:
    models, published = dict(project.nodes("model")), project.business.published
    for exposure in project.manifest["exposures"].values():
        name, owner = exposure["name"], exposure["owner"]
        if not exposure["description"].strip() or not exposure["maturity"]:
            yield f"{name}: no description or no maturity"
        if not owner.get("name") or owner.get("email"):
            yield f"{name}: the owner is a team's name, without an address"
        if not exposure["depends_on"]["nodes"]:
            yield f"{name}: reads nothing"
        for key in exposure["depends_on"]["nodes"]:
            read = models.get(key)
            if not read or not any(
                layer(read) == where and read["name"].startswith(prefix) for where, prefix in published
            ):
                yield f"{name}: reads {key.split('.')[-1]}, which is not published"


def sources_are_described_and_dated(project: Project) -> Iterator[str]:
    for source in project.sources.values():
        texts = [source["description"], source["source_description"]]
        texts += [column["description"] for column in source["columns"].values()]
        if not all(text.strip() for text in texts):
            yield f"{source['name']}: the source, the table or a column has no description"
        if not source["loaded_at_field"] or not (source["freshness"] or {}).get("warn_after"):
            yield f"{source['name']}: no freshness (loaded_at_field and warn_after)"


def sources_equal_the_tables_of_the_code(project: Project) -> Iterator[str]:
    found = {source["name"]: source for source in project.sources.values()}
    expected = {table.raw: table for table in project.business.tables}
    for name in sorted(expected.keys() ^ found.keys()):
        yield f"{name}: only in {'tables.py' if name in expected else 'sources.yml'}"
    for name in expected.keys() & found.keys():
        columns = expected[name].columns
        wanted = [(column.name, TYPES[column.type]) for column in columns] + AUDIT
        written = [(column["name"], column["data_type"]) for column in found[name]["columns"].values()]
        if written != wanted:
            different = [pair for pair in zip(wanted, written, strict=False) if pair[0] != pair[1]]
            yield f"{name}: sources.yml differs from tables.py at {(different or ['the number of columns'])[0]}"
        personal = {column.name for column in columns if column.personal}
        tagged = {
            column["name"]
            for column in found[name]["columns"].values()
            if column["config"]["meta"].get("personal")
        }
        if personal != tagged:
            yield f"{name}: personal in only one of tables.py and sources.yml: {sorted(personal ^ tagged)}"


def personal_columns_are_tagged(project: Project) -> Iterator[str]:
    personal = {
        column.name for table in project.business.tables for column in table.columns if column.personal
    }
    for _, node in project.nodes("model"):
        for name in personal & node["columns"].keys():
            if not node["columns"][name]["config"]["meta"].get("personal"):
                yield f"{node['name']}.{name}: is personal and not tagged (config: meta: personal: true)"


def models_say_their_grain_and_question(project: Project) -> Iterator[str]:
    for _, node in project.nodes("model"):
        if not HEADER.match(node["raw_code"]):
            yield f"{node['name']}: does not begin with a Jinja comment of its Grain: and its Question:"


def models_end_in_their_last_step(project: Project) -> Iterator[str]:
    for _, node in project.nodes("model"):
        last = LAST_LINE.search(node["raw_code"])
        steps = re.findall(r"\b(\w+) as \(\n", node["raw_code"])
        if not last or not steps or steps[-1] != last[1]:
            yield f"{node['name']}: the last line is not `select * from <the last CTE>`"


def models_are_short(project: Project) -> Iterator[str]:
    for _, node in project.nodes("model"):
        lines = node["raw_code"].count("\n") + 1
        if lines > MODEL_LINES:
            yield f"{node['name']}: {lines} lines, {MODEL_LINES} at most"


def macros_are_short_and_alone_in_their_file(project: Project) -> Iterator[str]:
    for macro in project.macros:
        lines = macro["macro_sql"].strip().count("\n") + 1
        if lines > MACRO_LINES:
            yield f"{macro['name']}: {lines} lines, {MACRO_LINES} at most"
        if DISPATCHED.sub("", macro["name"]) != Path(macro["original_file_path"]).stem:
            yield f"{macro['name']}: lies in {Path(macro['original_file_path']).name}; one macro, one file of its name"


def no_statement_reads_a_clock(project: Project) -> Iterator[str]:
    statements = [
        (node["name"], node["raw_code"])
        for kind in ("model", "test", "analysis")
        for _, node in project.nodes(kind)
    ]
    for name, text in statements + [(macro["name"], macro["macro_sql"]) for macro in project.macros]:
        for clock in CLOCK.findall(COMMENT.sub("", text)):
            yield f"{name}: reads the clock ({clock}); use as_of()"


def yaml_is_short_and_beside_its_models(project: Project) -> Iterator[str]:
    for path in sorted((project.folder / "models").rglob("*.yml")):
        lines = len(path.read_text("utf-8").splitlines())
        if lines > YAML_LINES:
            yield f"{path.parent.name}/{path.name}: {lines} lines, {YAML_LINES} at most"
    for _, node in project.nodes("model"):
        described = Path((node["patch_path"] or "").split("://")[-1])
        if node["patch_path"] and described.parent != Path(node["original_file_path"]).parent:
            yield f"{node['name']}: described in {described}, not beside its SQL"


RULES: tuple[Rule, ...] = (
    models_lie_in_a_layer,
    names_start_with_the_layers_prefix,
    only_the_first_layer_reads_sources,
    the_first_layer_reads_one_source_each,
    every_source_is_read_by_one_model,
    nothing_reads_a_later_layer,
    models_have_few_parents,
    tables_are_named_by_ref_or_source,
    keys_are_tested,
    models_and_columns_are_described,
    published_layers_keep_a_contract,
    exposures_read_what_is_published,
    sources_are_described_and_dated,
    sources_equal_the_tables_of_the_code,
    personal_columns_are_tagged,
    models_say_their_grain_and_question,
    models_end_in_their_last_step,
    models_are_short,
    macros_are_short_and_alone_in_their_file,
    no_statement_reads_a_clock,
    yaml_is_short_and_beside_its_models,
)
