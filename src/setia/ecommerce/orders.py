"""What becomes of the shop's orders: their lines, amounts, fate, the versions that the source writes, dirt."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from setia.ecommerce.market import RETURNED, SHARES, Dirt, Shelves, campaign, stock_shelves
from setia.ecommerce.tables import ORDER_ITEMS, ORDERS
from setia.simulation import Plan, State
from setia.simulation_rows import DAY, NEVER, versions

Array = np.ndarray[Any, Any]
HOUR = DAY // 24
UNKNOWN = 900_000_000_000
"""Keys above this belong to nobody: orphans point there."""
LATE_AFTER_DAYS = 4
TAX = 0.11
FREE_SHIPPING_FROM = 400_000

LINES = np.repeat(np.arange(1, 7), [26, 24, 19, 14, 10, 7])
QUANTITIES = np.repeat(np.arange(1, 5), [76, 15, 5, 4])
PENDING, PROCESSING, SHIPPED, COMPLETED, CANCELLED, CANCELED, RETURNED_STATUS = range(7)
STATUSES = ("pending", "processing", "shipped", "completed", "cancelled", "canceled", "returned")
STRAY = (*STATUSES, *(f" {text.title()} " for text in STATUSES), *(text.upper() for text in STATUSES))
STATUS_TEXTS = pa.array([*STRAY, "lost", "???", "in limbo"])
FIRST_UNKNOWN = len(STRAY)
CURRENCY = pa.array(["IDR"])

ORPHAN, ODD_STATUS, TOO_EARLY = 1, 2, 3
GHOSTS = {ORPHAN: "orphan", ODD_STATUS: "unknown_status", TOO_EARLY: "order_before_customer"}

SHOCK_CANCELLED, SHOCK_LATE, SHOCK_RETURNED, SHOCK_PARTIAL = 0.35, 0.22, 0.35, 0.12


@dataclass
class Orders:
    """One day's orders, sorted by time; amounts in whole IDR. Ghosts are bad rows that nobody ordered."""

    who: Array
    at: Array
    first: Array
    ghost: Array
    ids: Array
    lines: "Lines"
    discount: Array
    shipping: Array
    tax: Array
    goods: Array
    deep: Array
    """True when the order was won by a discount."""


@dataclass
class Lines:
    """The lines of the orders; `order` is the position of theirs."""

    order: Array
    product: Array
    category: Array
    quantity: Array
    price: Array
    cost: Array


@dataclass
class Fate:
    """What becomes of each order: four instants of writing, which of them happen, and the status then."""

    times: Array
    there: Array
    status: Array
    refunded: Array
    partial: Array
    shocks: list[tuple[Array, Array, float]] = field(default_factory=list)
    """(positions, instants, size): experiences that make a customer likelier to leave."""


def take_orders(
    plan: Plan, state: State, rng: np.random.Generator, who: Array, at: Array, first: Array
) -> Orders:
    """The orders that these customers (indices) place at these instants, and the day's ghosts."""
    extra = (
        rng.integers(0, len(who), rng.poisson(0.3 * plan.dirt * len(who))) if len(who) else np.zeros(0, int)
    )
    ghost = np.concatenate([np.zeros(len(who), np.int8), rng.integers(1, 4, len(extra)).astype(np.int8)])
    at = np.concatenate([at, at[extra]])
    order = np.argsort(at, kind="stable")
    who = np.concatenate([who, who[extra]])[order]
    first = np.concatenate([first, np.zeros(len(extra), bool)])[order]
    lines = _fill(state, stock_shelves(state), rng, who, ghost[order])
    ids = state.arrays["counters"][1] + np.arange(len(who))
    state.arrays["counters"][1] += len(who)
    amounts = _price(state, rng, who, first, lines)
    return Orders(who, at[order], first, ghost[order], ids, lines, *amounts)


def _fill(state: State, shelves: Shelves, rng: np.random.Generator, who: Array, ghost: Array) -> Lines:
    arrays, count = state.arrays, len(who)
    size = np.where(ghost > 0, 1, LINES[rng.integers(0, 100, count)])
    order = np.repeat(np.arange(count), size)
    buyer, total = who[order], len(order)
    # One draw serves for several independent choices: a random number is the dearest thing here.
    taste, chance = rng.random(total), rng.integers(0, 10_000, total)
    match = arrays["match"][buyer]
    other = np.where(taste < match + 0.4 * (1 - match), arrays["second"][buyer], SHARES[chance % 100])
    category = np.where(taste < match, arrays["favourite"][buyer], other).astype(np.int64)
    product = shelves.pick(category, rng.random(total))
    quantity = QUANTITIES[chance // 100]
    depth = campaign(state.day)
    often = 0.7 if depth else 0.08
    luck = rng.random(total) / often
    cut = np.where(luck < 1, (depth or 0.08) * (0.5 + 0.9 * luck), 0.0)
    price = np.round(arrays["product_price"][product] * (1 - cut) / 100).astype(np.int64) * 100
    return Lines(order, product, category, quantity, price, arrays["product_cost"][product])


def _price(
    state: State, rng: np.random.Generator, who: Array, first: Array, lines: Lines
) -> tuple[Array, Array, Array, Array, Array]:
    count = len(who)
    goods = np.bincount(lines.order, weights=lines.quantity * lines.price, minlength=count)
    voucher = rng.random(count) < np.minimum(state.arrays["deal"][who] + 0.15 * first, 0.9)
    share = np.where(voucher, rng.uniform(0.05, 0.2, count), 0.0)
    discount = np.minimum(np.round(goods * share / 500) * 500, 150_000)
    shipping = np.round(rng.gamma(6, 2_600, count) / 500) * 500 + 4_000
    shipping[(goods >= FREE_SHIPPING_FROM) & (rng.random(count) < 0.8)] = 0
    tax = np.round((goods - discount) * TAX)
    deep = voucher | (campaign(state.day) >= 0.15)
    amounts = (values.astype(np.int64) for values in (discount, shipping, tax, goods))
    return (*amounts, deep)  # type: ignore[return-value]


def decide(state: State, rng: np.random.Generator, orders: Orders) -> Fate:
    """How each order ends, and when; what the customers feel about it is in `shocks`."""
    count = len(orders.who)
    luck, times = rng.random((6, count)), np.tile(orders.at[:, None], (1, 4))
    depth = campaign(state.day)
    cancelled = luck[0] < 0.045 + 0.05 * depth
    times[:, 1] += ((0.5 + 20 * luck[1]) * HOUR).astype(np.int64)
    slow = luck[2] ** (1.8 / (1 + depth))
    times[:, 2] += np.where(cancelled, (0.3 + 47 * luck[2]) * HOUR, (1 + 4 * slow) * DAY).astype(np.int64)
    times[:, 3] = times[:, 2] + ((5 + 15 * luck[3]) * DAY).astype(np.int64)
    starts = np.searchsorted(orders.lines.order, np.arange(count))
    returned = ~cancelled & (luck[4] < RETURNED[orders.lines.category[starts]])
    units = np.bincount(orders.lines.order, weights=orders.lines.quantity, minlength=count)
    partial = returned & (units > 1) & (luck[5] < 0.45)
    whole, goodwill = returned & ~partial, ~cancelled & ~returned & (luck[4] > 0.99)
    there = np.ones((count, 4), bool)
    there[:, 1] = times[:, 1] < times[:, 2]
    there[:, 3] = returned | goodwill
    status = np.tile(np.array([PENDING, PROCESSING, COMPLETED, COMPLETED]), (count, 1))
    status[luck[3] < 0.5, 1] = SHIPPED
    status[cancelled, 2] = np.where(luck[3][cancelled] < 0.2, CANCELED, CANCELLED)
    status[whole, 3] = RETURNED_STATUS
    refunded = _refunds(orders, starts, whole, partial, goodwill)
    fate = Fate(times, there, status, refunded, np.where(partial, starts, -1))
    _feel(orders, fate, cancelled, whole)
    return fate


def _refunds(orders: Orders, starts: Array, whole: Array, partial: Array, goodwill: Array) -> Array:
    """Paid back in the end: all but shipping, one unit of the first line, or a tenth out of goodwill."""
    paid = orders.goods - orders.discount + orders.tax
    unit = orders.lines.price[starts] * paid / np.maximum(orders.goods, 1)
    back = np.select([whole, partial, goodwill], [paid, np.floor(unit), np.floor(paid * 0.1)], 0)
    rounded: Array = back.astype(np.int64)
    return rounded


def _feel(orders: Orders, fate: Fate, cancelled: Array, whole: Array) -> None:
    real, end = orders.ghost == 0, fate.times[:, 2]
    late = ~cancelled & (end - orders.at > LATE_AFTER_DAYS * DAY)
    for felt, at, size in (
        (cancelled, end, SHOCK_CANCELLED),
        (late, end, SHOCK_LATE),
        (whole, fate.times[:, 3], SHOCK_RETURNED),
        (fate.partial >= 0, fate.times[:, 3], SHOCK_PARTIAL),
    ):
        which = np.flatnonzero(felt & real)
        fate.shocks.append((which, at[which], size))


def write(
    plan: Plan, state: State, rng: np.random.Generator, orders: Orders, fate: Fate
) -> tuple[dict[str, pa.Table], Dirt]:
    """All versions of the day's orders and lines, and what is planted in them."""
    real, count = orders.ghost == 0, len(orders.who)
    late = np.flatnonzero(real & (rng.random(count) < plan.dirt / 2))
    fate.times[late] += (rng.uniform(1, 6, (len(late), 1)) * DAY).astype(np.int64)
    style = np.where(real & (rng.random(count) < plan.dirt / 2), rng.integers(1, 3, count), 0)
    early = np.where(orders.ghost == TOO_EARLY, (rng.uniform(2, 30, count) * DAY).astype(np.int64), NEVER)
    items, planted = _item_rows(plan, state, rng, orders, fate)
    kinds = {"late_arrival": late, "stray_status": np.flatnonzero(style)}
    kinds.update((kind, np.flatnonzero(orders.ghost == code)) for code, kind in GHOSTS.items())
    planted += [("orders", orders.ids[at], kind) for kind, at in kinds.items()]
    return {"orders": _order_rows(state, orders, fate, style, early), "order_items": items}, planted


def _order_rows(state: State, orders: Orders, fate: Fate, style: Array, early: Array) -> pa.Table:
    until, following = np.empty_like(fate.times), np.full(len(orders.who), NEVER)
    for step in (3, 2, 1, 0):
        until[:, step] = following
        following = np.where(fate.there[:, step], fate.times[:, step], following)
    version = np.flatnonzero(fate.there)
    row = version // 4
    customer = np.where(orders.ghost == ORPHAN, UNKNOWN + orders.ids, orders.who + 1)
    placed = np.where(early == NEVER, orders.at, state.arrays["created"][orders.who] - early)
    status = fate.status + style[:, None] * len(STATUSES)
    status[orders.ghost == ODD_STATUS] = FIRST_UNKNOWN + orders.ids[orders.ghost == ODD_STATUS, None] % 3
    money = {"shipping_cost": orders.shipping, "discount_amount": orders.discount, "tax_amount": orders.tax}
    columns = {
        "order_id": orders.ids[row],
        "customer_id": customer[row],
        "order_date": placed[row],
        "status": _texts(status.ravel()[version], STATUS_TEXTS),
        **{name: (amounts * 10_000)[row] for name, amounts in money.items()},
        "refunded_amount": np.where(version % 4 == 3, fate.refunded[row], 0) * 10_000,
        "currency": _texts(np.zeros(len(row)), CURRENCY),
    }
    return versions(ORDERS, columns, fate.times.ravel()[version], until.ravel()[version])


def _texts(codes: Array, texts: Any) -> Any:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int8), texts)


def _item_rows(
    plan: Plan, state: State, rng: np.random.Generator, orders: Orders, fate: Fate
) -> tuple[pa.Table, Dirt]:
    """The lines, then the lines taken back, then bad lines that nobody ordered."""
    lines, total = orders.lines, len(orders.lines.order)
    back = np.flatnonzero(fate.partial >= 0)
    bad = rng.integers(0, total, rng.poisson(plan.dirt * total / 2)) if total else np.zeros(0, np.int64)
    line = np.concatenate([np.arange(total), fate.partial[back], bad])
    order, kind = lines.order[line], np.zeros(len(line), np.int8)
    is_return = np.zeros(len(line), bool)
    is_return[total : total + len(back)] = True
    kind[total + len(back) :] = rng.integers(1, 4, len(bad))
    ids = state.arrays["counters"][2] + np.arange(len(line))
    state.arrays["counters"][2] += len(line)
    columns = {
        "order_item_id": ids,
        "order_id": np.where(kind == 1, UNKNOWN + ids, orders.ids[order]),
        "product_id": np.where(kind == 2, UNKNOWN + ids, lines.product[line] + 1),
        "quantity": np.where(is_return, -1, lines.quantity[line]) * 10_000,
        "unit_price": np.where(kind == 3, -1, 1) * lines.price[line] * 10_000,
        "unit_cost": lines.cost[line] * 10_000,
        "is_return": is_return,
    }
    at = np.where(is_return, fate.times[order, 3], fate.times[order, 0])
    kinds = {"orphan": (kind == 1) | (kind == 2), "negative_price": kind == 3}
    planted: Dirt = [("order_items", ids[here], name) for name, here in kinds.items()]
    return versions(ORDER_ITEMS, columns, at), planted
