"""Where models are built. One engine so far; `connect` is the only way in."""

from setia.warehouses.duckdb import connect, literal, quote

__all__ = ["connect", "literal", "quote"]
