"""Who the shop's customers are: names, addresses and cities from Faker's pools, accounts, and their dirt."""

from dataclasses import dataclass
from functools import cache
from typing import Any
from unicodedata import normalize

import numpy as np
import pyarrow as pa

from setia.ecommerce.market import Array, Dirt, time_of_day
from setia.ecommerce.tables import CUSTOMERS
from setia.simulation import Plan, State, micros
from setia.simulation_rows import versions

LOCALES = (("id_ID", "ID", 80), ("en_US", "US", 5), ("en_IN", "IN", 5), ("fil_PH", "PH", 4), ("nl_NL", "NL", 3),
           ("en_AU", "AU", 3))  # fmt: skip
"""Faker's locale, the country, and the share in percent."""
LOCALE_OF_HUNDRED = np.repeat(np.arange(len(LOCALES)), [share for _, _, share in LOCALES])
COUNTRIES = np.array([country for _, country, _ in LOCALES], object)
NAMES, CITIES = 600, 120
DOMAINS = ("example.com", "example.net", "example.org")
EDIT_EVERY_DAYS = 800

IDENTITY: dict[str, type] = {
    **dict.fromkeys(("created", "updated", "number"), np.int64),
    **dict.fromkeys(("first", "family", "city", "moves"), np.int32),
    **dict.fromkeys(("locale", "dirt"), np.int8),
    **dict.fromkeys(("consent", "shared"), np.bool_),
}
BLANK, BROKEN, UPPER, LOWER, SPACED, COUNTRY = range(1, 7)
KINDS = ("blank_email", "broken_email", "stray_case", "stray_case", "stray_space", "stray_space")
"""The kind of dirt of each code, from BLANK on."""


@dataclass(frozen=True)
class Pools:
    """Texts to pick from; those of locale n begin at n times `NAMES` (or `CITIES`)."""

    first: Array
    family: Array
    first_slug: Array
    family_slug: Array
    city: Array


@cache
def pools() -> Pools:
    """Names and cities of every locale, always the same ones."""
    from faker import Faker  # slow to import, and only needed to simulate

    first: list[str] = []
    family: list[str] = []
    city: list[str] = []
    for number, (locale, _, _) in enumerate(LOCALES):
        fake = Faker(
            locale, providers=["faker.providers.person", "faker.providers.address"], use_weighting=False
        )
        fake.seed_instance(number)
        first += [fake.first_name() for _ in range(NAMES)]
        family += [fake.last_name() for _ in range(NAMES)]
        city += [fake.city() for _ in range(CITIES)]
    slugs = ([_slug(name) for name in names] for names in (first, family))
    return Pools(*(np.array(texts, object) for texts in (first, family, *slugs, city)))


def _slug(name: str) -> str:
    ascii_only = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in ascii_only if letter.isalnum()) or "x"


def _cities(rng: np.random.Generator, locale: Array) -> Array:
    """A power of the draw puts most people into a few cities."""
    return locale * CITIES + (rng.random(len(locale)) ** 2.5 * CITIES).astype(np.int64)


def register(plan: Plan, state: State, rng: np.random.Generator, new: Array, created: Array) -> Dirt:
    """Open the accounts `new`; some belong to a person who has one already. Returns what is planted."""
    arrays, count = state.arrays, len(new)
    locale = LOCALE_OF_HUNDRED[rng.integers(0, 100, count)]
    columns: dict[str, Any] = {
        "created": created,
        "updated": created,
        "number": new + 1,
        "first": locale * NAMES + rng.integers(0, NAMES, count),
        "family": locale * NAMES + rng.integers(0, NAMES, count),
        "city": _cities(rng, locale),
        "moves": 0,
        "locale": locale,
        "dirt": np.where(rng.random(count) < plan.dirt, rng.integers(BLANK, COUNTRY + 1, count), 0),
        "consent": rng.random(count) < 0.62,
        "shared": False,
    }
    for name, values in columns.items():
        arrays[name][new] = values
    twins = _share(plan, state, rng, new)
    dirt = arrays["dirt"][new]
    planted = [("customers", new[dirt == code] + 1, kind) for code, kind in enumerate(KINDS, BLANK)]
    return [*planted, ("customers", twins + 1, "duplicate_person")]


def _share(plan: Plan, state: State, rng: np.random.Generator, new: Array) -> Array:
    """Give some new accounts the person of an old one, email included; returns them."""
    arrays, known = state.arrays, int(new[0]) if len(new) else 0
    twins: Array = new[rng.random(len(new)) < plan.dirt / 2]
    elder = rng.integers(0, max(known, 1), len(twins))
    fit = (arrays["dirt"][elder] == 0) & (arrays["dirt"][twins] == 0) & (known > 0)
    twins, elder = twins[fit], elder[fit]
    for name in ("number", "first", "family", "city", "moves", "locale"):
        arrays[name][twins] = arrays[name][elder]
    arrays["shared"][twins] = arrays["shared"][elder] = True
    return twins


def edit(state: State, rng: np.random.Generator, known: int) -> Array:
    """Some customers get a new address, city or opinion of marketing; returns them."""
    arrays = state.arrays
    count = rng.binomial(known, 1 / EDIT_EVERY_DAYS)
    who = np.unique(rng.integers(0, max(known, 1), count))
    what = rng.random(len(who))
    writer = who[(what < 0.3) & ~arrays["shared"][who]]
    arrays["moves"][writer] += 1
    mover = who[(what >= 0.3) & (what < 0.7)]
    arrays["city"][mover] = _cities(rng, arrays["locale"][mover].astype(np.int64))
    doubter = who[what >= 0.7]
    arrays["consent"][doubter] ^= True
    arrays["updated"][who] = micros(state.day) + time_of_day(rng.random(len(who)))
    return who


def customer_rows(state: State, which: Array) -> pa.Table:
    """Versions of these customers (indices), written when they were last changed."""
    picked = {name: state.arrays[name][which] for name in IDENTITY}
    texts = pools()
    first, family = texts.first[picked["first"]], texts.family[picked["family"]]
    slugs = texts.first_slug[picked["first"]], texts.family_slug[picked["family"]]
    numbers, moves = picked["number"].tolist(), picked["moves"].tolist()
    email = np.empty(len(which), object)
    email[:] = [
        f"{given}.{name}{number}{f'.{move}' if move else ''}@{DOMAINS[number % 3]}"
        for given, name, number, move in zip(*slugs, numbers, moves, strict=True)
    ]
    columns = {
        "email": email,
        "first_name": first,
        "last_name": family,
        "country": COUNTRIES[picked["locale"]],
        "city": texts.city[picked["city"]],
    }
    for place in np.flatnonzero(picked["dirt"]).tolist():
        _soil(columns, place, int(picked["dirt"][place]))
    written = {
        "customer_id": which + 1,
        **{name: pa.array(values, pa.string()) for name, values in columns.items()},
        "created_at": picked["created"],
        "marketing_consent": picked["consent"],
    }
    return versions(CUSTOMERS, written, picked["updated"])


def _soil(columns: dict[str, Array], place: int, dirt: int) -> None:
    """Make one row dirty in place."""
    if dirt == BLANK:
        columns["email"][place] = ""
    elif dirt == BROKEN:
        columns["email"][place] = columns["email"][place].replace("@", ("", " at ", "@@")[place % 3])
    elif dirt in (UPPER, LOWER):
        for name in ("first_name", "last_name", "city"):
            text = columns[name][place]
            columns[name][place] = text.upper() if dirt == UPPER else text.lower()
    elif dirt == SPACED:
        for name in ("first_name", "last_name", "city"):
            columns[name][place] = f" {columns[name][place].replace(' ', '  ')}  "
    else:
        columns["country"][place] = f" {columns['country'][place].lower()} "
