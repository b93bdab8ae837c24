"""The only list of businesses."""

from setia.ecommerce import ECOMMERCE
from setia.errors import UsageError
from setia.movie_streaming import MOVIE_STREAMING
from setia.schema import Business

BUSINESSES = {business.name: business for business in (MOVIE_STREAMING, ECOMMERCE)}


def find(name: str | None) -> list[Business]:
    """The business of that name, or all when None; raises UsageError listing the names."""
    if name is None:
        return list(BUSINESSES.values())
    if name not in BUSINESSES:
        raise UsageError(
            f"{name!r} is not a business.",
            f"Businesses: {', '.join(BUSINESSES)}.",
            "Name one of them, or leave it out for all.",
        )
    return [BUSINESSES[name]]
