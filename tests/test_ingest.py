"""A simulated history in PostgreSQL: idempotent to make, and the same however the hours are cut."""

from datetime import timedelta

import pytest

from setia import ingest, postgres
from setia.businesses import BUSINESSES
from setia.errors import UsageError
from setia.simulation import Plan

PLAN = Plan(seed=7, customers=60, months=2)


def dump(dsn, business):
    with postgres.transaction(dsn) as cursor:
        tables = {}
        for table in business.tables:
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            cursor.execute(f'select {names} from "{business.name}"."{table.name}" order by "{table.key}"')
            tables[table.name] = cursor.fetch_arrow_table()
        cursor.execute(f'select * from "{business.name}".simulation')
        tables["simulation"] = cursor.fetch_arrow_table()
    return tables


def fresh(dsn, business):
    with postgres.transaction(dsn) as cursor:
        cursor.execute(f'drop schema if exists "{business.name}" cascade')


@pytest.mark.parametrize("business", BUSINESSES.values(), ids=lambda business: business.name)
def test_a_day_at_once_and_hour_by_hour_leave_identical_tables(dsn, business):
    dumps = []
    for cuts in ([26], [1] * 26, [5, 21]):
        fresh(dsn, business)
        first = ingest.init(dsn, business, PLAN)
        for hours in cuts:
            last = ingest.ingest(dsn, business, hours=hours)
        assert last.until - first.until == timedelta(hours=26)
        dumps.append(dump(dsn, business))
    assert [name for name, table in dumps[0].items() if not table.num_rows] in ([], ["exchange_rates"])
    assert dumps[0] == dumps[1] == dumps[2]


def test_init_twice_changes_nothing_and_another_plan_is_refused(dsn, movies):
    fresh(dsn, movies)
    ingest.init(dsn, movies, PLAN)
    before = dump(dsn, movies)
    assert ingest.init(dsn, movies, PLAN).rows == {}
    with pytest.raises(UsageError, match="another history"):
        ingest.init(dsn, movies, Plan(seed=8, customers=60, months=2))
    assert dump(dsn, movies) == before


def test_a_failed_ingest_leaves_nothing_behind(dsn, movies):
    fresh(dsn, movies)
    ingest.init(dsn, movies, PLAN)
    before = dump(dsn, movies)

    def pull_the_plug(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest.ingest(dsn, movies, hours=48, progress=pull_the_plug)
    assert dump(dsn, movies) == before


def test_ingest_needs_a_history(dsn, shop):
    fresh(dsn, shop)
    with pytest.raises(UsageError, match="no simulated history"):
        ingest.ingest(dsn, shop, hours=1)


def test_a_simulated_history_is_never_written_among_real_rows(dsn, shop):
    fresh(dsn, shop)
    with postgres.transaction(dsn) as cursor:
        postgres.create(cursor, shop)
        cursor.execute("insert into ecommerce.customers (customer_id) values (1)")
    with pytest.raises(UsageError, match="no simulation wrote"):
        ingest.init(dsn, shop, PLAN)
    with postgres.transaction(dsn) as cursor:
        cursor.execute("select count(*) from ecommerce.customers")
        assert cursor.fetchone() == (1,)
