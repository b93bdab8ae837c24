"""Setia: who stays, who leaves, what it costs, and what to do next."""

__version__ = "0.1.0"
