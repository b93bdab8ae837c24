"""What users watch, how far they get, what they say about it, and how that changes them."""

import numpy as np
import pyarrow

from setia.movie_streaming.catalogue import GENRE_SHARES, SLOTS, shelves
from setia.movie_streaming.people import ACTIVE, GRACE, LEAVING, TRIAL
from setia.movie_streaming.population import (
    HOUR,
    NOBODY,
    SECOND,
    Array,
    Rows,
    Today,
    some,
    split,
    take_keys,
    view,
)
from setia.movie_streaming.tables import RATINGS, WATCH_SESSIONS
from setia.simulation import NEVER, versions
from setia.simulation_rows import pa

DEVICES = pa.array(["mobile", "smart_tv", "desktop", "tablet", "Mobile", "SMART_TV", " desktop", "tablet "])
WEEKDAY = (0.86, 0.84, 0.86, 0.92, 1.16, 1.36, 1.28)
WORKDAY_HOURS = np.array([5, 3, 2, 1, 1, 1, 2, 3, 3, 3, 3, 4, 6, 5, 4, 4, 5, 7, 10, 15, 19, 20, 15, 9], float)
WEEKEND_HOURS = np.array(
    [8, 5, 3, 2, 1, 1, 2, 3, 5, 7, 9, 10, 11, 12, 12, 12, 12, 12, 13, 16, 19, 20, 17, 12], float
)
REVIEWS = pa.array([
    "Waste of an evening.", "Bosan, saya berhenti di tengah.", "Not for me.", "Biasa saja.", "Slow, but fine.",
    "Lumayan untuk akhir pekan.", "Good story.", "Bagus, layak ditonton lagi.", "Loved every minute!",
    "Luar biasa, wajib nonton!",
])  # fmt: skip
LOOKUP = 8192
RATED_SHARE, REVIEWED_SHARE, CRASHED_SHARE = 0.065, 0.18, 0.015
FADING_PACE, RECOVERY = 0.955, 0.012


def _minutes(hours: Array) -> Array:
    """Minutes of the day so that a random entry of the table follows the daily rhythm."""
    smooth = np.interp(np.arange(1440) / 60, np.arange(25), np.append(hours, hours[0]))
    edges = np.cumsum(smooth) / smooth.sum()
    return np.searchsorted(edges, (np.arange(LOOKUP) + 0.5) / LOOKUP).astype(np.int64)


RHYTHMS = (_minutes(WORKDAY_HOURS), _minutes(WEEKEND_HOURS))
OTHER_GENRES = np.searchsorted(np.cumsum(GENRE_SHARES), (np.arange(256) + 0.5) / 256).astype(np.int8)


def watch(today: Today) -> tuple[pyarrow.Table, pyarrow.Table]:
    """Today's sessions and ratings, all versions of them; the viewers' satisfaction follows."""
    users, rng = view(today.state, "user"), today.rng("watch")
    state = users["state"]
    able = np.flatnonzero((state == TRIAL) | (state == ACTIVE) | (state == GRACE) | (state == LEAVING))
    season = 1 + 0.08 * np.cos(2 * np.pi * (today.state.day.timetuple().tm_yday - 5) / 365.25)
    swing = WEEKDAY[today.state.day.weekday()] * season
    counts = rng.poisson(users["rate"][able] * users["engagement"][able] * np.float32(swing))
    seen = counts > 0
    viewers, counts = able[seen], counts[seen]
    who = np.repeat(viewers, counts)
    facts = _sessions(today, rng, users, who)
    if len(viewers):
        mean = np.add.reduceat(facts["done"], np.cumsum(counts) - counts) / counts
        users["satisfaction"][viewers] += 0.12 * (mean - users["satisfaction"][viewers])
    ratings = _rate(today, facts)
    return _session_versions(today, rng, facts), ratings


def _sessions(today: Today, rng: np.random.Generator, users: Rows, who: Array) -> Rows:
    count = len(who)
    draw = rng.random((6, count), dtype=np.float32)
    taste, match = users["taste"][who], users["match"][who]
    genre = np.where(draw[0] < 0.52, taste, users["second_taste"][who])
    genre = np.where(draw[0] < 0.76, genre, OTHER_GENRES[(draw[1] * 256).astype(np.uint8)])
    movie = shelves(today).ravel()[genre.astype(np.int64) * SLOTS + (draw[2] * SLOTS).astype(np.int64)]
    movies = view(today.state, "movie")
    liking = match * np.where(genre == taste, np.float32(1.0), np.float32(0.72))
    quality = movies["quality"][movie]
    finishes = 0.04 + liking * 0.42 + 0.22 * quality + 0.18 * np.minimum(users["engagement"][who], 1) - 0.08
    # One draw says whether and how far: below the chance it is finished, above it is broken off.
    broken = (draw[3] - finishes) / (1 - finishes)
    done = np.where(broken < 0, 0.85 + 0.15 * draw[4], 0.01 + 0.83 * (1 - broken) * draw[4])
    done = np.floor(np.minimum(done, 1) * 10_000).astype(np.float64) / 10_000
    rhythm = RHYTHMS[today.state.day.weekday() >= 5]
    minute = (rhythm[(draw[5] * LOOKUP).astype(np.int64)] + 60 * users["hour"][who].astype(np.int64)) % 1440
    second = minute * 60 + (draw[1] * 977).astype(np.int64) % 60
    start = today.start + second * SECOND
    # Nobody watches before access: who came today starts a little after that.
    early = np.flatnonzero(start < users["access_from"][who] + 90 * SECOND)
    since = users["access_from"][who[early]]
    start[early] = since - since % SECOND + (90 + (draw[4][early] * 1800).astype(np.int64)) * SECOND
    played = (done * movies["minutes"][movie] * 60).astype(np.int64)
    device = np.where((draw[4] * 50).astype(np.int64) % 10 < 7, users["device"][who], (draw[2] * 1e4) % 4)
    return {
        "who": who, "movie": movie, "liking": liking, "quality": quality, "done": done, "start": start,
        "end": start + np.maximum(played, 5) * SECOND, "device": device.astype(np.int8),
    }  # fmt: skip


def _session_versions(today: Today, rng: np.random.Generator, facts: Rows) -> pyarrow.Table:
    count = len(facts["who"])
    key = take_keys(today.state, "session", count)
    at, end, done = facts["end"] + 2 * SECOND, facts["end"].copy(), facts["done"].copy()
    user, movie = facts["who"] + 1, facts["movie"].astype(np.int64) + 1
    crashed = some(rng, count, CRASHED_SHARE)
    end[crashed] = NEVER
    chosen = some(rng, count, today.plan.dirt)
    texts, late, update, no_user, no_movie, reversed_, impossible = split(
        rng, chosen, (0.3, 0.25, 0.15, 0.08, 0.08, 0.07, 0.07)
    )
    facts["device"][texts] += 4
    at[late] += rng.integers(2 * HOUR, 72 * HOUR, len(late))
    user[no_user] = NOBODY + key[no_user]
    movie[no_movie] = NOBODY + key[no_movie]
    end[reversed_] = facts["start"][reversed_] - rng.integers(60, 7200, len(reversed_)) * SECOND
    done[impossible] = 150.0 + rng.integers(0, 200, len(impossible))
    for indices, kind in ((texts, "stray_text"), (late, "late"), (update, "update"), (no_user, "orphan"),
                          (no_movie, "orphan"), (reversed_, "end_before_start"),
                          (impossible, "impossible_completion")):  # fmt: skip
        today.plant("watch_sessions", key[indices], kind)
    # An updated session was open when first written; its end comes hours later.
    until = np.full(count + len(update), NEVER)
    until[update] = at[update] + rng.integers(HOUR, 30 * HOUR, len(update))
    pick = np.concatenate([np.arange(count), update])
    ends, shares = end[pick], done[pick]
    ends[update] = NEVER
    shares[update] = np.floor(done[update] * 5000) / 10_000
    columns = {
        "session_id": key[pick],
        "user_id": user[pick],
        "movie_id": movie[pick],
        "device_type": pa.DictionaryArray.from_arrays(facts["device"][pick], DEVICES),
        "start_time": facts["start"][pick],
        "end_time": ends,
        "completion_rate": shares,
    }
    return versions(WATCH_SESSIONS, columns, np.concatenate([at, until[update]]), until)


def _rate(today: Today, facts: Rows) -> pyarrow.Table:
    """Some of those who saw enough say how they liked it, after the session has ended."""
    rng = today.rng("rate")
    chosen = some(rng, len(facts["who"]), RATED_SHARE)
    chosen = chosen[facts["done"][chosen] > 0.25]
    count = len(chosen)
    key = take_keys(today.state, "rating", count)
    liked = 0.4 * facts["liking"][chosen] + 0.35 * facts["quality"][chosen] + 0.25 * facts["done"][chosen]
    score = np.clip(np.rint(0.9 + 4.4 * liked + rng.normal(0, 0.7, count)), 1, 5).astype(np.int64)
    at = facts["end"][chosen] + (60 + rng.exponential(1500, count)).astype(np.int64) * SECOND
    user, movie = facts["who"][chosen] + 1, facts["movie"][chosen].astype(np.int64) + 1
    written = at + rng.integers(0, SECOND, count)
    late, no_user, no_movie = split(rng, some(rng, count, today.plan.dirt), (0.4, 0.3, 0.3))
    written[late] += rng.integers(2 * HOUR, 72 * HOUR, len(late))
    user[no_user] = NOBODY + key[no_user]
    movie[no_movie] = NOBODY + key[no_movie]
    today.plant("ratings", key[late], "late")
    today.plant("ratings", key[np.concatenate([no_user, no_movie])], "orphan")
    text = (2 * (score - 1) + rng.integers(0, 2, count)).astype(np.int32)
    columns = {
        "rating_id": key,
        "user_id": user,
        "movie_id": movie,
        "rating_score": score * 10_000,
        "rating_date": at,
        "review_text": pa.DictionaryArray.from_arrays(
            pa.array(text, mask=rng.random(count) >= REVIEWED_SHARE), REVIEWS
        ),
    }
    return versions(RATINGS, columns, written)


def drift(today: Today) -> None:
    """Interest rises and falls: weeks before most cancellations it begins to fade, and sometimes recovers."""
    users, rng = view(today.state, "user"), today.rng("drift")
    count = len(users["engagement"])
    engagement, fading = users["engagement"], users["fading"]
    draw = rng.random(count, dtype=np.float32)
    starts = 0.0042 * np.exp(3.0 * (0.6 - users["satisfaction"]) + 0.35 * np.minimum(users["failures"], 3))
    stays = draw > RECOVERY
    noise = (draw - 0.5) * np.float32(0.12)
    up = engagement + np.float32(0.06) * (1 - engagement) + noise
    np.clip(
        np.where(fading, engagement * np.float32(FADING_PACE) + 0.25 * noise, up), 0.03, 1.35, out=engagement
    )
    users["fading"][:] = np.where(fading, stays, draw > 1 - starts)
    users["failures"] *= np.float32(0.985)
