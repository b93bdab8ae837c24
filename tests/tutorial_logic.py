"""The tutorial's rules where they are at fault, each restated in as few words of SQL as it needs; what runs, on DuckDB.

`ask` runs a statement over `RULES`: what the tutorial's models would hold of the same raw rows, under the names below.
Rows that are deleted or after as_of are kept from it, so that each test shows one fault at a time.
"""

from pathlib import Path
from typing import Any

from ecommerce_warehouse import fetch
from trap_rows import AS_OF

RULES = f"""
with customers as (  -- B09: whoever has no @ is nobody
    select *, email like '%@%' as is_valid_email from ecommerce_raw.raw_customers
    where email like '%@%' and created_at < timestamptz '{AS_OF}'
),
orders as (  -- B08: the raw status decides, though a clean one is stored
    select *, lower(trim(status)) as order_status, status = 'completed' as is_completed, cast(order_date as date) as day
    from ecommerce_raw.raw_orders where _deleted_at is null and order_date < timestamptz '{AS_OF}'
),
lines as (  -- B11, B12: returns are dropped, parts of a unit rounded away
    select *, cast(quantity as integer) as units, cast(quantity * unit_price as decimal(10, 2)) as line_total
    from ecommerce_raw.raw_order_items where quantity > 0
),
order_totals as (  -- B16, B17: nothing for an order without lines; shipping in what a customer is worth
    select order_id, customer_id, day, sum(line_total) + coalesce(shipping_cost, 0) as order_total
    from orders left join lines using (order_id) where lower(trim(status)) = 'completed'
    group by order_id, customer_id, day, shipping_cost
),
rfm as (  -- B18: the newest order is today; B21: tenure ends with the last order
    select
        customer_id, date_diff('day', max(day), (select max(day) from order_totals)) as recency,
        count(order_id) as frequency, sum(order_total) as monetary, avg(order_total) as avg_order_value,
        date_diff('day', min(day), max(day)) as tenure
    from order_totals group by customer_id
),
scores as (  -- B20: bounds of one currency
    select
        *,
        case when recency <= 30 then 5 when recency <= 60 then 4 when recency <= 90 then 3 when recency <= 180 then 2 else 1 end as r,
        least(frequency, 5) as f,
        case when monetary >= 500 then 5 when monetary >= 300 then 4 when monetary >= 200 then 3 when monetary >= 100 then 2 else 1 end as m
    from rfm
),
metrics as (  -- B19: NULL falls into the last branch; B22: a multiple of the past; B23: High only after one order
    select
        customer_id, scores.* exclude (customer_id),
        monetary * case when r + f + m >= 12 then 2.0 when r + f + m >= 9 then 1.5 when r + f + m >= 6 then 1.2 else 0.8 end as predicted_clv_12m,
        case
            when recency > 180 and frequency = 1 then 'High' when recency > 120 then 'Medium'
            when recency > 90 then 'Low' else 'Very Low'
        end as churn_risk
    from ecommerce_raw.raw_customers left join scores using (customer_id)
    where created_at < timestamptz '{AS_OF}'
),
product_sales as (  -- B30, B31: an unweighted price; today's cost, and none for an unknown one; 0 where nothing sold
    select
        product_id, coalesce(sum(line_total), 0) as revenue, coalesce(sum(units), 0) as units,
        coalesce(avg(unit_price), 0) as avg_price,
        coalesce(sum(line_total) - sum(units) * any_value(cost_price), 0) as profit,
        count(distinct customer_id) as customers
    from ecommerce_raw.raw_products
    left join (lines join orders on orders.order_id = lines.order_id and order_status = 'completed') using (product_id)
    group by product_id
)
"""

SEGMENT = """case
    when r >= 4 and f >= 4 and m >= 4 then 'Champions' when r >= 3 and f >= 3 and m >= 3 then 'Loyal Customers'
    when r >= 4 and f <= 2 and m <= 2 then 'New Customers' when r >= 3 and f <= 2 and m >= 3 then 'Big Spenders'
    when r <= 2 and f >= 3 and m >= 3 then 'At Risk' when r <= 2 and f <= 2 and m >= 3 then 'Cant Lose Them'
    when r <= 2 and f >= 2 and m <= 2 then 'Hibernating' when r <= 1 and f <= 1 and m <= 1 then 'Lost'
    else 'Others' end"""
ACTION = """case
    when r >= 4 and f >= 4 then 'VIP' when r >= 4 and f <= 2 then 'Onboarding'
    when r <= 2 and m >= 3 then 'Win-back' when r <= 2 and f <= 2 then 'Re-engagement' else 'Standard' end"""
WIN_BACK = "churn_risk in ('High', 'Medium') and monetary > 200 and segment in ('At Risk', 'Cant Lose Them')"
TIER = """case
    when revenue >= (select percentile_cont(0.8) within group (order by revenue) from product_sales) then 'Star'
    else 'Performer or less' end"""
MARGIN_PERCENT = "cast((list_price - cost_price) / list_price * 100 as decimal(5, 2))"
ORDERS_PER_MONTH = "case when tenure > 0 then frequency::float / tenure * 30 else 0 end"
TREND = """case when count(*) >= 3 then
    sum(case when day >= date '{today}' - 90 then 1 else 0 end)::float
    / sum(case when day >= date '{today}' - 180 and day < date '{today}' - 90 then 1 else 0 end)::float end"""
# B02, B03: as the tutorial writes them.
GAPS = "select avg(datediff('day', lag(day) over (partition by customer_id order by day), day)) from orders group by customer_id"
DAYS_BACK = "select dateadd('day', -90, current_date)"
# B05: how its incremental model ends.
UNFINISHED = "with customers as (select 1 as customer_id),\n-- ... rest of the logic"
# B37: what its incremental model takes in.
NEW_CUSTOMERS = "created_at >= (select max(created_at) from {stored})"
# B38: its two tests; a row that they return is a fault.
POSITIVE_CLV = "select * from {metrics} where predicted_clv_12m < 0"
VALID_SCORES = (
    "select * from {metrics} where r not between 1 and 5 or f not between 1 and 5 or m not between 1 and 5"
)


def ask(file: Path, statement: str) -> list[tuple[Any, ...]]:
    """What the tutorial's rules make of the raw rows in that warehouse."""
    return fetch(file, f"{RULES} {statement}")
