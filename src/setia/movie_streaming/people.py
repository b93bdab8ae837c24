"""Who the users are: names, addresses, tastes and habits, and the rows of `users`."""

from dataclasses import dataclass
from functools import cache
from typing import Any
from unicodedata import normalize

import numpy as np
import pyarrow

from setia.movie_streaming.catalogue import GENRE_SHARES
from setia.movie_streaming.population import SECOND, Array, Today, extend, some, view
from setia.movie_streaming.tables import USERS
from setia.simulation import DAY, NO_DATE, State, arrivals, versions
from setia.simulation_rows import pa, pc

LOCALES = (
    ("id_ID", "ID", 0.70, 1500, 160),
    ("en_US", "US", 0.08, 400, 80),
    ("ja_JP", "JP", 0.06, 400, 80),
    ("de_DE", "DE", 0.06, 400, 80),
    ("en_GB", "GB", 0.05, 400, 80),
    ("pt_BR", "BR", 0.05, 400, 80),
)
"""Faker's locale, country, share of the users, names and cities in the pool."""
DOMAINS = pa.array(["@example.com", "@example.net", "@example.org"])
ADDRESSES = pa.array(["", ".baru", ".new", ".home", ".mail"])  # one more each time the address changes
CLEAN, BLANK_EMAIL, BROKEN_EMAIL, UPPER_NAME, SPACED_NAME, LOWER_CITY, SPACED_CITY, STALE_STATUS = range(8)
KINDS = (
    "",
    "blank_email",
    "broken_email",
    "stray_text",
    "stray_text",
    "stray_text",
    "stray_text",
    "stale_status",
)
NONE, TRIAL, ACTIVE, GRACE, LEAVING, GONE = range(6)
STATES = ("never_subscribed", "trial", "active", "past_due", "leaving", "gone")

USER_ARRAYS = {
    "joined": "i4", "joined_at": "i8", "updated": "i8", "locale": "i1", "name": "i4", "city": "i4",
    "address": "i4", "dirt": "i1", "listed": "?",
    "taste": "i1", "second_taste": "i1", "match": "f4", "rate": "f4", "hour": "i1", "device": "i1",
    "engagement": "f4", "fading": "?", "satisfaction": "f4", "failures": "f4",
    "state": "i1", "plan": "i1", "method": "i1", "risk": "f4", "subscription": "i4", "due": "i4",
    "anchor": "i1", "returns": "i4", "access_from": "i8",
}  # fmt: skip


@dataclass(frozen=True)
class Pools:
    """Names, their ASCII form for addresses, and cities; each locale's stand together from its offset."""

    names: Any
    slugs: Any
    cities: Any
    name_offsets: Array
    city_offsets: Array


def _slug(name: str) -> str:
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return ".".join("".join(c for c in word if c.isalnum()) for word in plain.split()).strip(".") or "user"


@cache
def pools() -> Pools:
    """The pools, drawn once a process; always the same ones."""
    from faker import Faker  # a second of imports that only simulating needs

    names: list[str] = []
    cities: list[str] = []
    name_offsets, city_offsets = [0], [0]
    for number, (locale, _, _, name_count, city_count) in enumerate(LOCALES):
        fake = Faker(locale, use_weighting=False)
        fake.seed_instance(number)
        names += [f"{fake.first_name()} {fake.last_name()}" for _ in range(name_count)]
        cities += [fake.city() for _ in range(city_count)]
        name_offsets.append(len(names))
        city_offsets.append(len(cities))
    slugs = pa.array([_slug(name) for name in names])
    return Pools(pa.array(names), slugs, pa.array(cities), np.array(name_offsets), np.array(city_offsets))


def _city(rng: np.random.Generator, locale: Array) -> Array:
    offsets = pools().city_offsets
    size = offsets[locale + 1] - offsets[locale]
    # Squared: a few cities hold most of the people.
    return offsets[locale] + (rng.random(len(locale)) ** 2.5 * size).astype(np.int64)


def _dirt(rng: np.random.Generator, count: int, share: float) -> Array:
    return np.where(rng.random(count) < share, rng.integers(BLANK_EMAIL, STALE_STATUS + 1, count), CLEAN)


def arrive(today: Today) -> Array:
    """Today's new users; returns their indices. They have no subscription yet."""
    count, rng = arrivals(today.plan, today.state.day), today.rng("arrive")
    if not count:
        return np.zeros(0, np.int64)
    # Most people sign up in the evening, and never so late that nothing fits before midnight.
    second = np.sort((np.sqrt(rng.random(count)) * 84_000).astype(np.int64))
    joined_at = today.start + second * SECOND + rng.integers(0, SECOND, count)
    locale = rng.choice(len(LOCALES), count, p=[share for _, _, share, _, _ in LOCALES])
    offsets = pools().name_offsets
    dirt = _dirt(rng, count, today.plan.dirt)
    columns = {
        "joined": today.number,
        "joined_at": joined_at,
        "updated": joined_at,
        "locale": locale,
        "name": rng.integers(offsets[locale], offsets[locale + 1]),
        "city": _city(rng, locale),
        "dirt": dirt,
        "returns": NO_DATE,
        "due": NO_DATE,
        "subscription": -1,
        **_habits(rng, count),
    }
    new = extend(today.state, "user", columns, count)
    for code in range(BLANK_EMAIL, STALE_STATUS):
        today.plant("users", new[dirt == code] + 1, KINDS[code])
    return new


def _habits(rng: np.random.Generator, count: int) -> dict[str, Array]:
    """What a user likes and how the user lives; the hidden causes of everything that follows."""
    match = rng.beta(4, 2, count)
    method = rng.choice(4, count, p=(0.28, 0.34, 0.2, 0.18))
    return {
        "taste": rng.choice(len(GENRE_SHARES), count, p=GENRE_SHARES),
        "second_taste": rng.integers(0, len(GENRE_SHARES), count),
        "match": match,
        "rate": np.minimum(rng.lognormal(-0.25, 0.65, count), 5),
        "hour": np.clip(np.rint(rng.normal(0, 2, count)), -6, 6),
        "device": rng.choice(4, count, p=(0.46, 0.28, 0.16, 0.10)),
        "engagement": np.clip(rng.normal(1.0, 0.12, count), 0.5, 1.3),
        "satisfaction": 0.35 + 0.35 * match,
        "plan": rng.choice(3, count, p=(0.45, 0.37, 0.18)),
        "method": method,
        "risk": np.minimum(rng.lognormal(-0.3, 0.8, count), 6),
    }


def edit(today: Today) -> Array:
    """Users who move or take another address today; returns their indices."""
    rng, users = today.rng("edit"), view(today.state, "user")
    chosen = some(rng, len(users["joined"]), 0.0007)
    chosen = chosen[users["updated"][chosen] < today.start]
    moves = rng.random(len(chosen)) < 0.6
    users["city"][chosen[moves]] = _city(rng, users["locale"][chosen[moves]])
    users["address"][chosen[~moves]] += 1
    users["updated"][chosen] = today.start + rng.integers(0, DAY, len(chosen))
    today.plant("users", chosen + 1, "update")
    return chosen


def _where(codes: Array, wanted: int, changed: Any, otherwise: Any) -> Any:
    hit = codes == wanted
    return pc.if_else(pa.array(hit), changed, otherwise) if hit.any() else otherwise


def user_rows(state: State, chosen: Array) -> pyarrow.Table:
    """The rows of `users` for these indices, as the source has them now."""
    users, people = view(state, "user"), pools()
    dirt, name, address = (users[column][chosen] for column in ("dirt", "name", "address"))
    names, cities = people.names.take(pa.array(name)), people.cities.take(pa.array(users["city"][chosen]))
    number = pc.cast(pa.array(chosen + 1), pa.string())
    moved = ADDRESSES.take(pa.array(np.minimum(address, len(ADDRESSES) - 1)))
    domain = DOMAINS.take(pa.array(chosen % len(DOMAINS)))
    emails = pc.binary_join_element_wise(people.slugs.take(pa.array(name)), number, moved, domain, "")
    emails = _where(dirt, BLANK_EMAIL, "", emails)
    emails = _where(dirt, BROKEN_EMAIL, pc.replace_substring(emails, "@example", " at "), emails)
    countries = pa.DictionaryArray.from_arrays(
        users["locale"][chosen].astype(np.int32), pa.array([country for _, country, *_ in LOCALES])
    )
    columns = {
        "user_id": chosen + 1,
        "name": _where(
            dirt, UPPER_NAME, pc.utf8_upper(names), _where(dirt, SPACED_NAME, _spaced(names), names)
        ),
        "email": emails,
        "country": countries.cast(pa.string()),
        "city": _where(
            dirt, LOWER_CITY, pc.utf8_lower(cities), _where(dirt, SPACED_CITY, _spaced(cities), cities)
        ),
        "join_date": users["joined"][chosen],
        "subscription_status": pa.array(["inactive", "active"]).take(
            pa.array(users["listed"][chosen].astype(np.int8))
        ),
    }
    return versions(USERS, columns, users["updated"][chosen])


def _spaced(texts: Any) -> Any:
    return pc.binary_join_element_wise(" ", pc.replace_substring(texts, " ", "  "), " ", "")
