"""Every row is loaded, quarantined with its rule, or a duplicate; and nothing happens twice."""

import copy
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conftest import SHOP, write_csv
from setia import batches, files, quarantine
from setia import load as loading
from setia.businesses import BUSINESSES
from setia.errors import SourceError, WarehouseError
from setia.settings import load as load_settings
from setia.warehouses import connect


def changed(table: str, *rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    tables = copy.deepcopy(SHOP)
    template = tables[table][0]
    tables[table] += [template | row for row in rows]
    return tables


def raw_rows(settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings, "ecommerce", read_only=True) as connection:
        return connection.execute(query).fetchall()


def rules(settings, shop, table: str) -> list[tuple[str, str | None]]:
    with connect(settings, "ecommerce", read_only=True) as connection:
        return [(row["rule"], row["column"]) for row in quarantine.rows(connection, shop, table, limit=100)]


def adds_up(batch: batches.Batch) -> bool:
    return bool(batch.tables) and all(
        counts.rows_in == counts.loaded + counts.quarantined + counts.duplicates
        for counts in batch.tables.values()
    )


def test_loading_twice_changes_nothing(tmp_path, settings, load_folder):
    folder = write_csv(tmp_path / "in", SHOP)
    load_folder(folder)
    before = raw_rows(settings, "select * from ecommerce_raw.raw_orders order by 1")
    again = load_folder(folder)
    assert raw_rows(settings, "select * from ecommerce_raw.raw_orders order by 1") == before
    assert again.tables["orders"].unchanged == len(before) == 2


BROKEN = [
    ("orders", {"order_id": ""}, "missing_key", "order_id"),
    ("orders", {"order_id": 12, "order_date": "yesterday"}, "not_parseable", "order_date"),
    ("orders", {"order_id": 12, "order_date": "infinity"}, "not_parseable", "order_date"),
    ("orders", {"order_id": 12, "customer_id": "x"}, "not_parseable", "customer_id"),
    ("orders", {"order_id": 12, "order_date": " "}, "missing_value", "order_date"),
    ("orders", {"order_id": 12, "status": "lost"}, "unknown_value", "status"),
    ("orders", {"order_id": 12, "shipping_cost": "-1"}, "impossible_value", "shipping_cost"),
    ("orders", {"order_id": 12, "shipping_cost": "nan"}, "not_parseable", "shipping_cost"),
    ("orders", {"order_id": 12, "customer_id": 99}, "orphan", "customer_id"),
    ("orders", {"order_id": 12, "order_date": "2023-12-31"}, "before_parent", "order_date"),
    ("order_items", {"order_item_id": 102, "quantity": 0}, "impossible_value", "quantity"),
    ("order_items", {"order_item_id": 102, "quantity": "1,5"}, "not_parseable", "quantity"),
    ("orders", {"order_id": 12, "shipping_cost": "1000000000000.01"}, "impossible_value", "shipping_cost"),
    (
        "order_items",
        {"order_item_id": 102, "quantity": 1001, "unit_price": 1e9},
        "impossible_value",
        "quantity",
    ),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken[2]}-{broken[3]}")
def test_a_row_that_breaks_a_rule_is_quarantined_whole(tmp_path, settings, shop, load_folder, broken):
    table, row, rule, column = broken
    tables = changed(table, row)
    batch = load_folder(write_csv(tmp_path / "in", tables))
    assert adds_up(batch)
    assert batch.tables[table].quarantined == 1
    with connect(settings, "ecommerce", read_only=True) as connection:
        (held,) = quarantine.rows(connection, shop, table)
    assert (held["rule"], held["column"]) == (rule, column)
    assert all(
        f'"{name}":"{value}"' in held["row"] for name, value in tables[table][-1].items() if value != ""
    )


def test_a_line_that_is_no_row_is_quarantined_as_text(tmp_path, settings, shop, load_folder):
    folder = write_csv(tmp_path / "in", SHOP)
    with (folder / "raw_orders.csv").open("ab") as file:
        file.write(b"13,1,2024-02-04,completed,0,surplus,columns\r\n")
    batch = load_folder(folder)
    assert adds_up(batch)
    assert batch.tables["orders"].rows_in == 3
    assert rules(settings, shop, "orders") == [("not_parseable", None)]


def test_an_orphan_is_released_when_its_parent_arrives(tmp_path, settings, shop, load_folder):
    tables = changed("orders", {"order_id": 12, "customer_id": 3})
    tables["order_items"].append(tables["order_items"][0] | {"order_item_id": 102, "order_id": 12})
    load_folder(write_csv(tmp_path / "in", tables))
    assert rules(settings, shop, "orders") == [("orphan", "customer_id")]
    tables["customers"].append(tables["customers"][0] | {"customer_id": 3})
    batch = load_folder(write_csv(tmp_path / "in", tables))
    assert rules(settings, shop, "orders") == rules(settings, shop, "order_items") == []
    assert raw_rows(settings, "select count(*) from ecommerce_raw.raw_order_items where order_id = 12") == [
        (1,)
    ]
    assert adds_up(batch)


def test_a_corrected_row_leaves_quarantine(tmp_path, settings, shop, load_folder):
    load_folder(write_csv(tmp_path / "in", changed("orders", {"order_id": 12, "status": "lost"})))
    load_folder(write_csv(tmp_path / "in", changed("orders", {"order_id": 12, "status": "completed"})))
    assert rules(settings, shop, "orders") == []
    assert raw_rows(settings, "select count(*) from ecommerce_raw.raw_orders") == [(3,)]


def test_the_newest_version_wins_and_an_older_one_never_replaces_it(tmp_path, settings, load_folder):
    def version(shipping: str, at: str) -> dict[str, list[dict[str, Any]]]:
        tables = copy.deepcopy(SHOP)
        tables["orders"] = [row | {"updated_at": ""} for row in tables["orders"]]
        tables["orders"][0] |= {"shipping_cost": shipping, "updated_at": at}
        return tables

    shipping = "select shipping_cost from ecommerce_raw.raw_orders where order_id = 10"
    load_folder(write_csv(tmp_path / "in", version("5", "2024-03-02T00:00:00Z")))
    batch = load_folder(write_csv(tmp_path / "in", version("4", "2024-03-01T00:00:00Z")))
    assert raw_rows(settings, shipping)[0][0] == 5
    assert batch.tables["orders"].duplicates == 1
    load_folder(write_csv(tmp_path / "in", version("6", "2024-03-03T00:00:00Z")))
    assert raw_rows(settings, shipping)[0][0] == 6


def test_duplicates_are_counted_and_one_is_kept(tmp_path, settings, load_folder):
    batch = load_folder(
        write_csv(tmp_path / "in", changed("orders", {"order_id": 12}, {"order_id": 12}, {"order_id": 12}))
    )
    assert batch.tables["orders"].duplicates == 2
    assert adds_up(batch)
    assert raw_rows(settings, "select count(*), count(distinct order_id) from ecommerce_raw.raw_orders") == [
        (3, 3)
    ]


def test_text_keys_stay_as_they_are(tmp_path, settings, load_folder):
    tables = copy.deepcopy(SHOP)
    for row in tables["customers"] + tables["orders"]:
        row["customer_id"] = f"00{row['customer_id']}"
    batch = load_folder(write_csv(tmp_path / "in", tables))
    assert batch.tables["orders"].loaded == 2
    assert raw_rows(settings, "select customer_id from ecommerce_raw.raw_orders order by 1") == [
        ("001",),
        ("002",),
    ]


def test_naive_times_are_read_in_the_stated_zone(tmp_path, settings, load_folder):
    tables = changed(
        "orders",
        {"order_id": 12, "order_date": "2024-02-05 01:00:00"},
        {"order_id": 13, "order_date": "2024-02-05T01:00:00Z"},
    )
    load_folder(write_csv(tmp_path / "in", tables))
    found = raw_rows(
        settings,
        "select epoch(order_date) from ecommerce_raw.raw_orders where order_id in (12, 13) order by order_id",
    )
    assert found[1][0] - found[0][0] == 7 * 3600


def fail_after_loading(settings, shop, folder: Path) -> None:
    with connect(settings, shop.name) as connection, loading.transaction(connection):
        source = files.open_source(connection, shop, folder, {}, settings.timezone)
        loading.load(connection, shop, source, settings.timezone, lambda what: None)
        connection.execute("select error('the plug was pulled')")


def test_a_failed_load_leaves_the_warehouse_as_it_was(tmp_path, settings, shop, load_folder):
    load_folder(write_csv(tmp_path / "in", SHOP))
    before = raw_rows(settings, "select * from ecommerce_raw._batches")
    with pytest.raises(WarehouseError, match="the plug was pulled"):
        fail_after_loading(settings, shop, tmp_path / "in")
    assert raw_rows(settings, "select * from ecommerce_raw._batches") == before


def test_a_broken_file_is_named_and_nothing_is_loaded(tmp_path, settings, load_folder):
    folder = write_csv(tmp_path / "in", SHOP)
    (folder / "raw_orders.csv").unlink()
    (folder / "raw_orders.parquet").write_bytes(b"PAR1 no parquet at all")
    with pytest.raises(SourceError, match=r"raw_orders\.parquet"):
        load_folder(folder)


def test_a_file_of_two_kinds_of_line_ends_is_refused_rather_than_half_read(tmp_path, load_folder):
    folder = write_csv(tmp_path / "in", SHOP)
    with (folder / "raw_orders.csv").open("ab") as file:
        file.write(b"12,1,2024-02-04,completed,0\n")
    with pytest.raises(SourceError, match="one kind of line end"):
        load_folder(folder)


def test_a_typo_in_the_far_future_does_not_move_the_clock(tmp_path, settings, shop, load_folder):
    rows = [{"order_id": 20 + n, "order_date": f"2024-02-{1 + n % 28:02}"} for n in range(40)]
    plain = load_folder(write_csv(tmp_path / "in", changed("orders", *rows)))
    typo = load_folder(
        write_csv(tmp_path / "in", changed("orders", *rows, {"order_id": 99, "order_date": "2099-02-01"}))
    )
    assert plain.data_through == typo.data_through
    with connect(settings, shop.name, read_only=True) as connection:
        assert batches.after(connection, shop, typo.data_through) == {"orders": 1}


# Each example loads several files; shrinking one takes longer than reading it.
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)

ORDER = st.fixed_dictionaries(
    {
        "order_id": st.sampled_from(["1", "2", "3", "4", "", "x"]),
        "customer_id": st.sampled_from(["1", "2", "9"]),
        "order_date": st.sampled_from(["2024-02-01", "2024-02-02", "2023-01-01", "never", ""]),
        "status": st.sampled_from(["completed", "CANCELLED ", "?"]),
        "shipping_cost": st.sampled_from(["0", "1.5", "-1", ""]),
        "updated_at": st.sampled_from(["2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z"]),
    }
)


@hypothesis_settings(
    max_examples=25,
    deadline=None,
    phases=NO_SHRINKING,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(orders=st.lists(ORDER, min_size=1, max_size=12), cuts=st.lists(st.integers(0, 12), max_size=3))
def test_no_row_is_lost_however_the_rows_are_cut_into_loads(tmp_path_factory, orders, cuts):
    shop = BUSINESSES["ecommerce"]
    orders[0] |= {"order_id": "x1"}  # keys are texts in every cut
    contents = []
    for edges in ([0, len(orders)], sorted({0, len(orders), *(min(cut, len(orders)) for cut in cuts)})):
        base = tmp_path_factory.mktemp("cut")
        settings = load_settings(base / "home")
        for number, (start, end) in enumerate(itertools.pairwise(edges)):
            part = [orders[0], *orders[start:end]]
            folder = write_csv(base / f"in{number}", SHOP | {"orders": part})
            with connect(settings, shop.name) as connection, loading.transaction(connection):
                source = files.open_source(connection, shop, folder, {}, settings.timezone)
                batch = loading.load(connection, shop, source, settings.timezone, lambda what: None)
            assert adds_up(batch)
            assert batch.tables["orders"].rows_in == len(part)
        with connect(settings, shop.name) as connection:
            keys = connection.execute(
                "select order_id, updated_at from ecommerce_raw.raw_orders order by all"
            ).fetchall()
            contents.append(keys)
    assert contents[0] == contents[1]


def test_children_leave_raw_with_their_parent_and_come_back_with_it(tmp_path, settings, shop, load_folder):
    def version(created_at: str, updated_at: str) -> dict[str, list[dict[str, Any]]]:
        tables = copy.deepcopy(SHOP)
        tables["customers"] = [row | {"updated_at": "2024-03-01T00:00:00Z"} for row in tables["customers"]]
        tables["customers"][0] |= {"created_at": created_at, "updated_at": updated_at}
        return tables

    content = "select order_id from ecommerce_raw.raw_orders order by 1"
    load_folder(write_csv(tmp_path / "in", version("2024-01-01", "2024-03-01T00:00:00Z")))
    bad = load_folder(write_csv(tmp_path / "in", version("soon", "2024-03-02T00:00:00Z")))
    assert raw_rows(settings, content) == [(11,)]
    assert rules(settings, shop, "order_items") == [("orphan", "order_id")]
    assert adds_up(bad)
    late = load_folder(write_csv(tmp_path / "in", version("2024-02-02", "2024-03-03T00:00:00Z")))
    assert rules(settings, shop, "orders") == [("before_parent", "order_date")]
    assert adds_up(late)
    load_folder(write_csv(tmp_path / "in", version("2024-01-01", "2024-03-04T00:00:00Z")))
    assert raw_rows(settings, content) == [(10,), (11,)]
    assert rules(settings, shop, "orders") == rules(settings, shop, "order_items") == []


def test_an_empty_first_load_does_not_decide_what_keys_are(tmp_path, settings, load_folder):
    folder = write_csv(tmp_path / "in", SHOP)
    for name in SHOP:
        path = folder / f"raw_{name}.csv"
        path.write_text(path.read_text().splitlines()[0] + "\n")
    load_folder(folder)
    texts = copy.deepcopy(SHOP)
    for row in texts["customers"] + texts["orders"]:
        row["customer_id"] = f"c{row['customer_id']}"
    assert load_folder(write_csv(tmp_path / "in", texts)).tables["orders"].loaded == 2
