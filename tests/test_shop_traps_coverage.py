"""Traps B38, B39 and B42: what the tests of the project would notice; and each of the 49 traps has its test."""

import re
import shutil
from pathlib import Path

import duckdb

import tutorial_logic as tutorial
from ecommerce_warehouse import dbt, fetch, insert, manifest, row
from trap_rows import AS_OF

# Of the tutorial's schema.yml, what looks at orders, lines and products: every test that it has of them.
THEIR_TESTS = """
select order_id from ecommerce_raw.raw_orders group by 1 having count(*) > 1 or order_id is null
select customer_id from ecommerce_raw.raw_orders where customer_id not in (select customer_id from ecommerce_raw.raw_customers)
select order_item_id from ecommerce_raw.raw_order_items group by 1 having count(*) > 1 or order_item_id is null
select order_id from ecommerce_raw.raw_order_items where order_id not in (select order_id from ecommerce_raw.raw_orders)
select product_id from ecommerce_raw.raw_products group by 1 having count(*) > 1 or product_id is null
""".strip().splitlines()


def test_b38_no_test_is_fooled_by_a_missing_value(traps: Path) -> None:
    """All scores and values missing: the tutorial's two tests find nothing."""
    nobody = "select null::int as r, null::int as f, null::int as m, null::decimal as predicted_clv_12m"
    for test in (tutorial.POSITIVE_CLV, tutorial.VALID_SCORES):
        assert fetch(traps, test.format(metrics=f"({nobody})")) == []
    scores = "recency_score, null as frequency_score, null as monetary_score"
    missing = f"null as predicted_clv_12m, null as {scores}"
    broken = f"with broken as (select * replace ({missing}) from ecommerce_marts.fct_customer_metrics)"
    found = {}
    for name in ("assert_positive_clv", "assert_rfm_scores_valid"):
        [path] = (traps.parent / "target").glob(f"compiled/*/tests/{name}.sql")
        sql = re.sub(r'"shop"\."ecommerce_marts"\."fct_customer_metrics"', "broken", path.read_text())
        found[name] = len(fetch(traps, f"{broken} {sql}"))
    assert found == {"assert_positive_clv": 13, "assert_rfm_scores_valid": 12}


FAULTS = {
    "not_negative_stg_order_items_unit_price__False": 1,
    "relationships_stg_order_items_product_id__product_id__ref_stg_products_": 1,
    "accepted_values_stg_orders_order_status__pending__processing__shipped__completed__cancelled__returned": 1,
    "not_negative_stg_orders_shipping_cost__False": 1,
    "assert_every_currency_has_a_rate": 2,
}


def test_b39_what_the_tutorial_leaves_untested_is_found(traps: Path, tmp_path: Path) -> None:
    """A line of no product, a price below nothing, a status that is none, two currencies."""
    home = tmp_path / "home"
    shutil.copytree(traps.parent, home)
    with duckdb.connect(str(home / "shop.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        wrong = {"order_item_id": 1, "order_id": 101, "product_id": 999, "quantity": 1, "unit_price": -1}
        insert(connection, "raw_order_items", wrong)
        day = {"customer_id": 1, "order_date": "2024-04-01 05:00:00+00", "shipping_cost": 1}
        insert(
            connection, "raw_orders", day | {"order_id": 1, "status": "lost in space", "shipping_cost": -1}
        )
        for order_id, currency in ((2, "USD"), (3, "IDR")):
            insert(
                connection,
                "raw_orders",
                day | {"order_id": order_id, "status": "completed", "currency": currency},
            )
    assert len(THEIR_TESTS) == 5
    assert [fetch(home / "shop.duckdb", test) for test in THEIR_TESTS] == [[]] * 5
    variables = ("--target", "duckdb", "--vars", f"{{as_of: '{AS_OF}'}}")
    dbt(home, "run", "--select", "int_customer_orders", *variables)
    printed = dbt(
        home, "test", "--select", "stg_orders stg_order_items int_customer_orders", *variables, fails=True
    )
    found = {name: int(count) for count, name in re.findall(r"FAIL (\d+) (\w+)", printed)}
    assert {name: found.get(name) for name in FAULTS} == FAULTS


def test_b39_every_model_has_tests_and_a_description(traps: Path) -> None:
    """The tutorial says `schema.yml for every model` and has none for the intermediate ones and the product mart."""
    nodes = manifest(traps)["nodes"]
    models = {key: node for key, node in nodes.items() if node["resource_type"] == "model"}
    tested = {node.get("attached_node") for node in nodes.values() if node["resource_type"] == "test"}
    assert len(models) > 13
    assert sorted(models.keys() - tested) == []
    assert [node["name"] for node in models.values() if not node["description"]] == []


def test_b42_the_trap_rows_go_where_the_tutorials_do_not(traps: Path, commands: dict[str, str]) -> None:
    """Its five customers are of three segments and one risk, and one of them has three orders; UK is no ISO code."""
    sample = Path(commands["home"]) / "sample.duckdb"
    segments = (
        "select list_sort(list(distinct customer_segment)), list_sort(list(distinct churn_risk)) from {}"
    )
    table = "ecommerce_marts.dim_customer_segments"
    assert fetch(sample, segments.format(table)) == [
        (["Big Spenders", "Loyal Customers", "New Customers"], ["Very Low"])
    ]
    assert fetch(traps, segments.format(table)) == [
        (
            ["At Risk", "Big Spenders", "Hibernating", "Lost", "New Customers", "Prospect"],
            ["High", "Low", "Medium", "Not applicable", "Very Low"],
        )
    ]
    third = "select count(*) from ecommerce_ml.ml_customer_features where frequency >= 3"
    assert (fetch(sample, third), fetch(traps, third)) == ([(1,)], [(2,)])
    jane = row(sample, "staging.stg_customers", 2)
    assert (jane["country"], jane["country_code"]) == ("UK", "GB")


def test_every_trap_is_tested_by_number() -> None:
    """Not trained yet, so tested as the documented rules that they are: the values of B22 and the scores of B48."""
    files = sorted(Path(__file__).parent.glob("test_shop_traps_*.py"))
    assert len(files) == 7
    names = [
        name
        for file in files
        for name in re.findall(r"^def test_b(\d\d)_\w+\(", file.read_text("utf-8"), re.M)
    ]
    assert sorted({int(number) for number in names}) == list(range(1, 50))
