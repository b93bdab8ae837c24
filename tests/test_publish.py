"""Readers see the last snapshot whose tests all passed, whole; a failed run changes nothing for them."""

import shutil
from pathlib import Path

import duckdb
import pytest

from setia import ledger, pipeline, publish
from setia.businesses import BUSINESSES
from setia.errors import PublishError, TransformError, UsageError
from setia.schema import Business
from setia.settings import Settings
from setia.settings import load as load_settings
from setia.warehouses import connect


def silent(what: str, done: int, of: int) -> None:
    pass


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, tutorial: Path) -> Path:
    """A home in which the tutorial's shop was run once."""
    settings = load_settings(tmp_path_factory.mktemp("published") / "home")
    pipeline.run(settings, BUSINESSES["ecommerce"], pipeline.From(tutorial), "2023-07-20", silent)
    return settings.home


@pytest.fixture
def mine(published: Path, tmp_path: Path) -> Settings:
    return load_settings(shutil.copytree(published, tmp_path / "home"))


def files_of(snapshot: publish.Snapshot | None) -> dict[str, bytes]:
    assert snapshot is not None
    found = {path.name: path.read_bytes() for path in snapshot.folder.iterdir()}
    assert found
    return found


def test_a_failed_test_leaves_the_last_snapshot_in_place(mine: Settings, shop: Business):
    before = files_of(publish.current(mine, shop))
    with connect(mine, shop.name) as connection:
        connection.execute(
            "insert into ecommerce_raw.raw_orders"
            " select * from ecommerce_raw.raw_orders order by order_date desc limit 1"
        )
    with pytest.raises(TransformError, match="unique_stg_orders_order_id"):
        pipeline.transform(mine, shop, "2023-07-20", silent, full_refresh=True)
    with pytest.raises(PublishError, match="failed"):
        pipeline.publish(mine, shop, silent)
    assert files_of(publish.current(mine, shop)) == before
    assert ledger.last(mine, shop.name, "transform")["status"] == "failed"


def test_a_partial_build_is_not_published(mine: Settings, shop: Business):
    pipeline.transform(mine, shop, "2023-07-20", silent, select="stg_orders")
    with pytest.raises(PublishError, match="only some models"):
        pipeline.publish(mine, shop, silent)


def test_publishing_twice_gives_the_same_bytes_and_keeps_three(mine: Settings, shop: Business):
    first = files_of(publish.current(mine, shop))
    for _ in range(4):
        pipeline.publish(mine, shop, silent)
        assert files_of(publish.current(mine, shop)) == first
    assert len([path for path in mine.published(shop.name).iterdir() if path.is_dir()]) == publish.KEPT_RUNS


def test_personal_columns_are_left_out_unless_named(mine: Settings, shop: Business):
    def columns() -> set[str]:
        snapshot = publish.current(mine, shop)
        assert snapshot is not None
        with publish.read(snapshot) as connection:
            return {row[0] for row in connection.execute("describe fct_customer_metrics").fetchall()}

    assert "customer_id" in columns()
    assert not columns() & {"email", "first_name", "last_name"}
    pipeline.publish(mine, shop, silent, personal=("email",))
    assert columns() & {"email", "first_name", "last_name"} == {"email"}
    with pytest.raises(UsageError, match="not a personal column"):
        pipeline.publish(mine, shop, silent, personal=("country",))


def test_what_a_killed_publish_left_is_swept(mine: Settings, shop: Business):
    left = mine.published(shop.name) / ".20200101T000000-000001.partial"
    left.mkdir()
    (left / "half.parquet").write_bytes(b"half")
    pipeline.publish(mine, shop, silent)
    assert not left.exists()


def test_readers_do_not_hold_up_a_run_nor_a_run_readers(mine: Settings, shop: Business):
    snapshot = publish.current(mine, shop)
    assert snapshot is not None
    with connect(mine, shop.name), publish.read(snapshot) as connection:
        assert connection.execute("select count(*) from fct_customer_metrics").fetchall() == [(5,)]
        rows = publish.export(snapshot, mine.home / "out", "csv", ["fct_sales_monthly"])
    assert list(rows) == ["fct_sales_monthly"]


def test_export_names_an_unknown_table(mine: Settings, shop: Business, tmp_path: Path):
    snapshot = publish.current(mine, shop)
    assert snapshot is not None
    with pytest.raises(UsageError, match="not a published table"):
        publish.export(snapshot, tmp_path / "out", "parquet", ["nothing"])
    rows = publish.export(snapshot, tmp_path / "out", "parquet", [])
    assert rows == snapshot.tables
    with duckdb.connect() as connection:
        path = tmp_path / "out" / "fct_customer_metrics.parquet"
        assert connection.execute("select count(*) from read_parquet(?)", [str(path)]).fetchall() == [(5,)]
