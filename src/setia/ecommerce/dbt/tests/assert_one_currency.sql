{#- Amounts are added up, so orders that name a currency must all name the same one. -#}
select count(distinct currency) as currencies
from {{ ref('int_customer_orders') }}
having count(distinct currency) > 1
