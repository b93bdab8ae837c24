"""Random writes to the source tables of movie_streaming, as SQL: rows that come, change, move and go."""

import random
from collections.abc import Callable

from random_writes import day, moment, upsert


def insert(table: str, **values: str) -> str:
    return upsert(f"movie_streaming.{table}", **values)


def session(dice: random.Random) -> str:
    start, length = moment(dice), dice.choice((1, 30, 100, 400, 9000))
    end = f"timestamptz {start} + interval '{length} minutes'" if dice.random() < 0.9 else "null"
    return insert(
        "watch_sessions",
        session_id=str(dice.randrange(80)),
        user_id=str(dice.randrange(9)),  # the last of them is never there
        movie_id=str(dice.randrange(6)),
        device_type=dice.choice(("'mobile'", "'tv'")),
        start_time=start,
        end_time=end,
        completion_rate=dice.choice(("null", "0.2", "0.9", "1")),
    )


def subscription(dice: random.Random) -> str:
    key = dice.randrange(14)
    return insert(
        "subscriptions",
        subscription_id=str(key),
        user_id=str(dice.randrange(9) if dice.random() < 0.1 else key % 9),  # another owner is rare
        plan_type="'Basic'",
        start_date=day(dice),
        end_date=dice.choice(("null", "null", day(dice))),
        price=dice.choice(("50", "100")),
        status=dice.choice(("'active'", "'active'", "'trial'", "'paused'")),
    )


WRITES: list[Callable[[random.Random], str]] = [
    session, session, session, session, subscription,
    lambda dice: insert("users", user_id=str(dice.randrange(8)), join_date=dice.choice(("'2023-12-01'", day(dice)))),
    lambda dice: insert("movies", movie_id=str(dice.randrange(6)), duration_min=dice.choice(("60", "120", "5990")),
                        genre=dice.choice(("'Drama'", "'Drama|Comedy'")), license_cost=dice.choice(("null", "900")),
                        available_from=dice.choice(("null", day(dice))), available_to=dice.choice(("null", day(dice)))),
    lambda dice: insert("payments", payment_id=str(dice.randrange(20)), user_id="null",
                        subscription_id=str(dice.randrange(14)), amount=dice.choice(("50", "100")),
                        payment_date=moment(dice), status=dice.choice(("'completed'", "'completed'", "'failed'"))),
    lambda dice: insert("ratings", rating_id=str(dice.randrange(20)), user_id=str(dice.randrange(8)),
                        movie_id=str(dice.randrange(6)), rating_score=dice.choice(("1", "4.5")), rating_date=moment(dice)),
    lambda dice: f"delete from movie_streaming.watch_sessions where session_id % 7 = {dice.randrange(7)}",
    lambda dice: f"update movie_streaming.payments set refunded_amount = 5 where payment_id = {dice.randrange(20)}",
    lambda dice: f"delete from movie_streaming.payments where payment_id = {dice.randrange(20)}",
    lambda dice: f"delete from movie_streaming.movies where movie_id = {dice.randrange(60)}",
    lambda dice: f"delete from movie_streaming.users where user_id = {dice.randrange(8)}",
    lambda dice: f"delete from movie_streaming.subscriptions where subscription_id = {dice.randrange(14)}",
]  # fmt: skip


def writes(dice: random.Random, count: int) -> list[str]:
    return [dice.choice(WRITES)(dice) for _ in range(count)]


def everybody() -> list[str]:
    users = [insert("users", user_id=str(key), join_date="'2023-12-01'") for key in range(8)]
    titles = [insert("movies", movie_id=str(key), duration_min="120", genre="'Drama'") for key in range(6)]
    return users + titles
