"""The online shop: its tables, its simulator and its dbt project `ecommerce_analytics`."""

from pathlib import Path

from setia.ecommerce.tables import TABLES
from setia.schema import Business, Headline

NOW = "from fct_sales_monthly order by month_key desc limit 1"
LAST_MONTH = "from fct_sales_monthly where is_complete order by month_key desc limit 1"

ECOMMERCE = Business(
    name="ecommerce",
    title="Online shop",
    tables=TABLES,
    layers=("staging", "intermediate", "marts", "ml"),
    published=(("marts", ""), ("ml", "")),
    folder=Path(__file__).parent,
    headlines=(
        Headline("Customers", "select count(*) from fct_customer_metrics", "count"),
        Headline("Active customers, last 90 days", f"select live_customers {NOW}", "count"),
        Headline("Net sales, all time", "select sum(net_sales) from fct_sales_monthly", "money"),
        Headline("Net sales, last whole month", f"select net_sales {LAST_MONTH}", "money"),
        Headline("Average order value, last whole month", f"select avg_order_value {LAST_MONTH}", "money"),
        Headline("Churn, last whole month", f"select churn_rate {LAST_MONTH}", "percent"),
        Headline("Repeat purchase rate", f"select repeat_purchase_rate {NOW}", "percent"),
    ),
)
