"""The online shop: its tables, its simulator and its dbt project `ecommerce_analytics`."""

from pathlib import Path

from setia.ecommerce.tables import TABLES
from setia.schema import Business

ECOMMERCE = Business(
    name="ecommerce",
    title="Online shop",
    tables=TABLES,
    layers=("staging", "intermediate", "marts", "ml"),
    published_layers=("marts", "ml"),
    folder=Path(__file__).parent,
)
