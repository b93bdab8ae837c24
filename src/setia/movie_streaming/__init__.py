"""The subscription video service: its tables, its simulator and its dbt project `movie_streaming_analytics`."""

from pathlib import Path

from setia.movie_streaming.tables import TABLES
from setia.schema import Business

MOVIE_STREAMING = Business(
    name="movie_streaming",
    title="Movie streaming",
    tables=TABLES,
    layers=("preparation", "model", "mart", "ml"),
    published_layers=("mart", "ml"),
    folder=Path(__file__).parent,
)
