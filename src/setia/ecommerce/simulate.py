"""The simulated shop: customers who arrive, order, are pleased or let down, leave unseen, and sometimes return.

Each customer carries two exponential thresholds. The days' eagerness to buy wears down the first, and an order
falls when it is used up; wear (a long gap against the own pace, disappointments, an order won by a discount, a
catalogue that does not fit) uses up the second, and the customer has left without a word. So the truth about
the next days is known exactly, and so is what an observer who sees only the orders could know.
"""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from setia.ecommerce.market import (
    SHARES,
    Dirt,
    change_catalogue,
    demand,
    open_catalogue,
    product_dirt,
    product_rows,
    time_of_day,
)
from setia.ecommerce.orders import Fate, Orders, decide, take_orders, write
from setia.ecommerce.people import IDENTITY, customer_rows, edit, register
from setia.simulation import Day, Plan, State, arrivals, day_number, micros, stream
from setia.simulation_rows import DAY, INSTANT, PLANTED, plain

Array = np.ndarray[Any, Any]
HORIZON_DAYS = 90
ORDERS_A_DAY = 0.15
"""Mean of the latent purchase rate among those who buy at all, on an ordinary day."""
RATE_SHAPE = 0.6
FASTEST = 0.25
NEVER_BUYS = 0.07
ORDERS_AT_ONCE = 0.65
RETURN_RATE = 0.0006
"""Orders a day of somebody who has left."""
WEAR = 1 / 1300
"""Daily hazard of leaving of an average customer within the usual gap."""
PATIENCE = 1.5
MOST_IMPATIENT = 3.0
DISCOUNT_WEAR = 1.7
SHOCK_FIRST, SHOCK_ORDER = 0.40, 0.004
SHOCK_EXPECTED = 0.055
"""What cancellations, late deliveries and returns add to an order on average, before forgiveness."""

FIELDS: dict[str, type] = {
    **IDENTITY,
    **dict.fromkeys(
        ("rate", "intensity", "clock", "risk", "hazard", "here", "gone", "match", "deal"), np.float32
    ),
    **dict.fromkeys(("last", "orders"), np.int32),
    **dict.fromkeys(("favourite", "second"), np.int8),
    "alive": np.bool_,
}


def begin(plan: Plan) -> State:
    """An empty shop with its first catalogue, at the start of `plan.start`."""
    state = State(plan.start, {"counters": np.array([0, 1, 1], np.int64)})
    for name, kind in FIELDS.items():
        state.arrays[name] = np.zeros(plan.customers + 1, kind)
    for name, kind in (("shock_who", np.int64), ("shock_day", np.int64), ("shock_size", np.float32)):
        state.arrays[name] = np.zeros(0, kind)
    state.pending["products"] = plain(open_catalogue(plan, state))
    return state


def step(plan: Plan, state: State) -> Day:
    """One local day of the shop: leave, wake, arrive, order, move house, and change the catalogue."""
    opened = len(state.arrays["product_price"]) if state.day == plan.start else 0
    planted = product_dirt(state, np.arange(opened))
    known = int(state.arrays["counters"][0])
    buyers = _live(state, known)
    rng = stream(plan.seed, "shop", state.day)
    edited = edit(state, rng, known)
    new, prompt, prompt_at, dirty_customers = _arrive(plan, state, rng, known)
    at = np.concatenate([micros(state.day) + time_of_day(rng.random(len(buyers))), prompt_at])
    who = np.concatenate([buyers, prompt])
    orders = take_orders(plan, state, rng, who, at, state.arrays["orders"][who] == 0)
    fate = decide(state, rng, orders)
    _remember(state, rng, orders, fate)
    events, dirty = write(plan, state, rng, orders, fate)
    changes = {}
    if len(edited) or len(new):
        changes["customers"] = customer_rows(state, np.concatenate([edited, new]))
    products, dirty_products = change_catalogue(plan, state)
    if products is not None:
        changes["products"] = products
    planted += [("customers", edited + 1, "update"), *dirty_customers, *dirty, *dirty_products]
    state.day += timedelta(days=1)
    return Day(events, changes, _planted_table(planted))


def slow(plan: Plan, state: State) -> dict[str, pa.Table]:
    """All customers and products as they are at the start of the state's day."""
    del plan
    return {
        "customers": customer_rows(state, np.arange(state.arrays["counters"][0])),
        "products": product_rows(state, np.arange(len(state.arrays["product_price"]))),
    }


def _planted_table(planted: Dirt) -> pa.Table:
    sizes = [len(keys) for _, keys, _ in planted]
    which = np.repeat(np.arange(len(planted)), sizes)
    keys = np.concatenate([keys for _, keys, _ in planted]).astype(np.int64)
    tables = pa.array([table for table, _, _ in planted]).take(which)
    kinds = pa.array([kind for _, _, kind in planted]).take(which)
    return pa.Table.from_arrays([tables, pa.array(keys), kinds], schema=PLANTED)


def _people(state: State, count: int) -> dict[str, Array]:
    """Views of the customers' fields, those of the first `count` customers."""
    return {name: state.arrays[name][:count] for name in FIELDS}


def _live(state: State, known: int) -> Array:
    """Let a day pass for all known customers: some leave. Returns those who order today."""
    people, eager = _people(state, known), np.float32(demand(state.day))
    wear = _wear(people, day_number(state.day))
    due = state.arrays["shock_day"] <= day_number(state.day)
    np.add.at(wear, state.arrays["shock_who"][due], state.arrays["shock_size"][due])
    for name in ("shock_who", "shock_day", "shock_size"):
        state.arrays[name] = state.arrays[name][~due]
    people["risk"] -= wear
    left = np.flatnonzero(people["alive"] & (people["risk"] <= 0))
    people["alive"][left] = False
    people["intensity"][left] = RETURN_RATE
    people["clock"] -= people["intensity"] * eager
    here, gone = people["here"], people["gone"]
    stayed = here * np.exp(-wear)
    gone += here - stayed
    # The floor keeps them out of the denormal numbers, which are slow.
    here[:] = np.maximum(stayed * np.exp(people["rate"] * -eager), 1e-30)
    gone *= np.exp(np.float32(-RETURN_RATE) * eager)
    return np.flatnonzero(people["clock"] <= 0)


def _wear(people: dict[str, Array], day: int) -> Array:
    """The day's hazard of leaving: it grows when the gap is long for the customer's own pace."""
    gap = (np.float32(day) - people["last"].astype(np.float32)) * people["rate"]
    wear: Array = people["hazard"] * np.clip(gap - np.float32(PATIENCE), 1, MOST_IMPATIENT)
    return wear


def _arrive(
    plan: Plan, state: State, rng: np.random.Generator, known: int
) -> tuple[Array, Array, Array, Dirt]:
    """New accounts; returns them, those who order at once, when they do, and what is planted."""
    count = arrivals(plan, state.day)
    new = np.arange(known, known + count)
    _make_room(state, known + count)
    state.arrays["counters"][0] += count
    start = micros(state.day)
    created = start + np.sort(time_of_day(rng.random(count)) * 95 // 96)
    buys, at_once = rng.random(count) >= NEVER_BUYS, rng.random(count) < ORDERS_AT_ONCE
    _character(state, rng, new, buys)
    dirty = register(plan, state, rng, new, created)
    prompt = np.flatnonzero(buys & at_once)
    delay = rng.integers(DAY // 1440, DAY // 96, len(prompt))
    return new, new[prompt], created[prompt] + delay, dirty


def _make_room(state: State, count: int) -> None:
    size = len(state.arrays["created"])
    if count > size:
        for name, kind in FIELDS.items():
            state.arrays[name] = np.concatenate(
                [state.arrays[name], np.zeros(count - size + size // 4, kind)]
            )


def _character(state: State, rng: np.random.Generator, new: Array, buys: Array) -> None:
    """Pace, taste and loyalty of new customers."""
    count = len(new)
    rate = np.minimum(rng.gamma(RATE_SHAPE, ORDERS_A_DAY / RATE_SHAPE, count) + 0.002, FASTEST)
    match = rng.beta(3, 2, count)
    shelves = SHARES[rng.integers(0, 100, (2, count))]
    traits = {
        "rate": rate,
        "intensity": np.where(buys, rate, RETURN_RATE),
        "clock": rng.standard_exponential(count),
        "risk": rng.standard_exponential(count),
        "hazard": WEAR * np.exp(2.2 * (0.6 - match)),
        "here": np.full(count, 1 - NEVER_BUYS),
        "gone": np.full(count, NEVER_BUYS),
        "match": match,
        "deal": rng.beta(1, 4, count),
        "last": np.full(count, day_number(state.day)),
        "favourite": shelves[0],
        "second": shelves[1],
        "alive": buys,
    }
    for name, values in traits.items():
        state.arrays[name][new] = values


def _remember(state: State, rng: np.random.Generator, orders: Orders, fate: Fate) -> None:
    """What the day's orders change in those who placed them."""
    arrays, real, today = state.arrays, np.flatnonzero(orders.ghost == 0), day_number(state.day)
    who, first = orders.who[real], orders.first[real]
    back = who[~arrays["alive"][who]]
    arrays["risk"][back] = rng.standard_exponential(len(back))
    arrays["alive"][who] = True
    arrays["intensity"][who] = arrays["rate"][who]
    arrays["clock"][who] = rng.standard_exponential(len(who))
    arrays["last"][who] = today
    arrays["orders"][who] += 1
    arrays["here"][who], arrays["gone"][who] = 1, 0
    won = who[first & orders.deep[real]]
    arrays["hazard"][won] *= DISCOUNT_WEAR
    usual = np.where(first, SHOCK_FIRST, SHOCK_ORDER) * (arrays["hazard"][who] / WEAR)
    shocks = [(who, np.full(len(who), today + 1), usual)]
    for which, at, size in fate.shocks:
        # An instant belongs to a local day, which begins seven hours before the UTC day; felt the day after.
        felt = (at - micros(state.day)) // DAY + today + 1
        # Who has bought often forgives more.
        shocks.append((orders.who[which], felt, size / np.sqrt(arrays["orders"][orders.who[which]])))
    for name, position in (("shock_who", 0), ("shock_day", 1), ("shock_size", 2)):
        parts = [arrays[name], *(shock[position] for shock in shocks)]
        arrays[name] = np.concatenate(parts).astype(arrays[name].dtype)


def truth(plan: Plan, state: State) -> dict[str, pa.Table]:
    """What is so at the start of the state's day, and what an observer of the orders could know at best.

    `alive` is hidden from the shop; `alive_probability` is the most that its data can tell about it.
    """
    del plan
    count = int(state.arrays["counters"][0])
    people = _people(state, count)
    leaves, silent = outlook(state, state.day)
    quiet_gone = np.exp(
        -RETURN_RATE * sum(demand(state.day + timedelta(days=n)) for n in range(HORIZON_DAYS))
    )
    alive = people["alive"]
    known = people["here"] / (people["here"] + people["gone"])
    columns = {
        "customer_id": pa.array(np.arange(count) + 1),
        "joined": pa.array(people["created"].copy(), pa.int64()).cast(pa.timestamp("us")).cast(INSTANT),
        "orders": pa.array(people["orders"].astype(np.int64)),
        "alive": pa.array(alive),
        "purchase_rate": pa.array(people["rate"].astype(float)),
        "churn_hazard_90d": pa.array(np.where(alive, leaves, 1.0)),
        "no_order_probability_90d": pa.array(np.where(alive, silent, quiet_gone)),
        "alive_probability": pa.array(known.astype(float)),
        "no_order_probability_90d_observed": pa.array(known * silent + (1 - known) * quiet_gone),
    }
    return {"customers": pa.table(columns)}


def outlook(state: State, day: date) -> tuple[Array, Array]:
    """For each customer, were they alive: the probability to leave, and not to order, in the next 90 days."""
    count = int(state.arrays["counters"][0])
    people, today = _people(state, count), day_number(day)
    waiting, bought, left, silent_left = np.ones(count), np.zeros(count), np.zeros(count), np.zeros(count)
    strain, orders = people["hazard"] / WEAR, people["orders"]
    usual = SHOCK_ORDER * strain + SHOCK_EXPECTED / np.sqrt(orders + 2)
    at_first = np.where(orders == 0, -np.expm1(-SHOCK_FIRST * strain - SHOCK_EXPECTED), 0.0)
    who, due, size = (state.arrays[f"shock_{name}"] for name in ("who", "day", "size"))
    for number in range(HORIZON_DAYS):
        eager = demand(day + timedelta(days=number))
        shock = np.zeros(count)
        felt = due == today + number
        np.add.at(shock, who[felt], size[felt])
        wear = _wear(people, today + number) + shock
        worn = people["hazard"] + people["rate"] * eager * usual + shock
        leaving, leaving_later = waiting * -np.expm1(-wear), bought * -np.expm1(-worn)
        returning = silent_left * -np.expm1(-RETURN_RATE * eager)
        silent_left += leaving - returning
        ordering = (waiting - leaving) * -np.expm1(-people["rate"] * eager)
        disappointed = ordering * at_first
        left += leaving + leaving_later + disappointed
        waiting -= leaving + ordering
        bought += ordering - disappointed - leaving_later
    return left, waiting + silent_left
