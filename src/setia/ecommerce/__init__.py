"""The online shop: its tables, its simulator and its dbt project `ecommerce_analytics`."""

from pathlib import Path

from setia.ecommerce.predicted import PREDICTED
from setia.ecommerce.tables import TABLES
from setia.schema import Business, Headline, RebuiltBy

NOW = "from fct_sales_monthly order by month_key desc limit 1"
DAYS = "select distinct cast(timezone({zone}, order_date) as date) from ecommerce_raw.raw_orders"
LAST_MONTH = "from fct_sales_monthly where is_complete order by month_key desc limit 1"

ECOMMERCE = Business(
    name="ecommerce",
    title="Online shop",
    tables=TABLES,
    layers=("staging", "intermediate", "marts", "ml"),
    published=(("marts", ""), ("ml", "")),
    folder=Path(__file__).parent,
    predicted=PREDICTED,
    headlines=(
        Headline("Customers", "select count(*) from fct_customer_metrics", "count"),
        Headline("Active customers, last 90 days", f"select live_customers {NOW}", "count"),
        Headline("Net sales, all time", "select sum(net_sales) from fct_sales_monthly", "money"),
        Headline("Net sales, last whole month", f"select net_sales {LAST_MONTH}", "money"),
        Headline("Average order value, last whole month", f"select avg_order_value {LAST_MONTH}", "money"),
        Headline("Churn, last whole month", f"select churn_rate {LAST_MONTH}", "percent"),
        Headline("Repeat purchase rate", f"select repeat_purchase_rate {NOW}", "percent"),
    ),
    rebuilt_by={
        "orders": RebuiltBy(),
        "order_items": RebuiltBy(DAYS + " where order_id in {keys}", key="order_id"),
        # A line without a cost of its own has today's.
        "products": RebuiltBy(
            DAYS + " join ecommerce_raw.raw_order_items as lines using (order_id)"
            " where lines.unit_cost is null and lines.product_id in {keys}",
            columns=("cost_price",),
        ),
        "exchange_rates": RebuiltBy(
            "select cast(unnest(generate_series("
            "date_trunc('month', key), last_day(key), interval 1 day)) as date) from {keys}",
            key="month",
        ),
    },
    # Without any rates, amounts are in the reporting currency.
    facts_of_all=("select count(*) > 0 from ecommerce_raw.raw_exchange_rates where _deleted_at is null",),
)
