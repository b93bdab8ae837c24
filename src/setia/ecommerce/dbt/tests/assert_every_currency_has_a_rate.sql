{#- Amounts are added up in the reporting currency: a row is a currency and month whose orders have no rate to it. -#}
select
    currency,
    order_month_start,
    count(*) as orders
from {{ ref('int_customer_orders') }}
where exchange_rate is null
group by currency, order_month_start
