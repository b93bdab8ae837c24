"""marts -> scores: learns from past cutoffs when that is due, scores as_of, and writes the ml_* tables in one step.

What was learned is kept under `models/<business>/<model_id>/`, with a card for people, and scores until another is
due: when a newer cutoff's answer is known, when people no longer look like those it was learned from, when the code or
its libraries changed, or when asked.
"""

import hashlib
import json
import pickle
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow
from duckdb import DuckDBPyConnection

from setia import __version__
from setia.errors import PredictionError
from setia.load import transaction
from setia.prediction.stability import MOVED
from setia.schema import Business, Predicted
from setia.scores import typed
from setia.settings import Settings
from setia.warehouses import quote

LIBRARIES = ("numpy", "scipy", "scikit-learn")
KEPT_MODELS = 5


class Predictor(Protocol):
    """What a business offers in its module `predict`."""

    def newest_answer(self, connection: DuckDBPyConnection, settings: Settings) -> date | None:
        """The newest cutoff of which it is known who left afterwards; None without any."""

    def learn(self, connection: DuckDBPyConnection, settings: Settings) -> Any:
        """What is learned from the cutoffs up to it: the same rows give the same."""

    def card(self, learned: Any) -> dict[str, Any]:
        """What people should know of what was learned: methods, figures, parameters, limits."""

    def drift(self, connection: DuckDBPyConnection, settings: Settings, learned: Any) -> dict[str, float]:
        """The stability index of each feature of those who are scored, beside those learned from."""

    def score(
        self, connection: DuckDBPyConnection, settings: Settings, learned: Any, model_id: str
    ) -> Iterator[tuple[Predicted, pyarrow.Table]]:
        """The tables of scores, each in one part or several."""


@dataclass(frozen=True)
class Prediction:
    """What `predict` did. `why_learned`: why it was learned anew; None where what was kept scored."""

    model_id: str
    why_learned: str | None
    tables: dict[str, int]
    methods: dict[str, Any]
    drift: dict[str, float]


@dataclass(frozen=True)
class Kept:
    """What was learned: what it depends on, the newest cutoff it knows, which features had moved then, and itself."""

    model_id: str
    key: str
    cutoff: str
    moved: tuple[str, ...]
    learned: Any


def predict(
    connection: DuckDBPyConnection, settings: Settings, business: Business, retrain: bool = False
) -> Prediction:
    """Writes the scores of the last build, all tables or none.

    Raises PredictionError when what they are learned from tells the answer, or a table breaks what it states.
    """
    predictor = cast("Predictor", import_module(f"setia.{business.name}.predict"))
    folder, key = settings.home / "models" / business.name, _key(settings, business)
    cutoff = str(predictor.newest_answer(connection, settings))
    kept = _read(folder, key)
    drift = predictor.drift(connection, settings, kept.learned) if kept else {}
    why = "asked to" if retrain else _due(kept, cutoff, _moved(drift))
    if kept is None or why:
        learned = predictor.learn(connection, settings)
        drift = predictor.drift(connection, settings, learned)
        kept = _keep(folder, key, cutoff, _moved(drift), learned, predictor.card(learned))
    with transaction(connection):
        tables = _write(
            connection, business, predictor.score(connection, settings, kept.learned, kept.model_id)
        )
    return Prediction(kept.model_id, why, tables, predictor.card(kept.learned)["methods"], drift)


def _due(kept: Kept | None, cutoff: str, moved: tuple[str, ...]) -> str | None:
    """Why something has to be learned; None when what is kept can score."""
    if kept is None:
        return "nothing was learned yet by this code with these settings"
    if cutoff != kept.cutoff:
        return f"it is known by now who left after {cutoff}"
    if set(moved) - set(kept.moved):
        return f"people have moved since in {', '.join(moved)}"
    return None


def _moved(drift: dict[str, float]) -> tuple[str, ...]:
    return tuple(name for name, index in drift.items() if index > MOVED)


def _key(settings: Settings, business: Business) -> str:
    """What is learned depends on that, beside the rows."""
    code = hashlib.sha256()
    folders = (Path(__file__).parent / "prediction", business.folder)
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        code.update(path.read_bytes())
    told = [__version__, code.hexdigest(), sys.version, *(version(name) for name in LIBRARIES)]
    told += [settings.timezone, settings.currency, str(settings.churn_days)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _read(folder: Path, key: str) -> Kept | None:
    try:
        told = json.loads((folder / "current.json").read_text("utf-8"))
        if told["key"] != key:
            return None
        with (folder / told["model_id"] / "model.pickle").open("rb") as file:
            learned = pickle.load(file)
    except (OSError, ValueError, EOFError, pickle.UnpicklingError):  # not there, or damaged: learned anew
        return None
    return Kept(told["model_id"], key, told["cutoff"], tuple(told["moved"]), learned)


def _keep(
    folder: Path, key: str, cutoff: str, moved: tuple[str, ...], learned: Any, card: dict[str, Any]
) -> Kept:
    """Writes the model and its card, then points to them; the same rows give the same name."""
    told = json.dumps({"key": key, "cutoff": cutoff, **card}, indent=2, default=str)
    model_id = f"{cutoff}-{hashlib.sha256(told.encode()).hexdigest()[:10]}"
    place = folder / model_id
    place.mkdir(parents=True, exist_ok=True)
    _replace(place / "model.pickle", pickle.dumps(learned))
    _replace(place / "card.json", told.encode())
    current = {"model_id": model_id, "key": key, "cutoff": cutoff, "moved": moved}
    _replace(folder / "current.json", json.dumps(current, indent=2).encode())
    others = sorted(path for path in folder.iterdir() if path.is_dir() and path != place)
    for old in others[: len(others) - KEPT_MODELS + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return Kept(model_id, key, cutoff, moved, learned)


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def _write(
    connection: DuckDBPyConnection, business: Business, parts: Iterator[tuple[Predicted, pyarrow.Table]]
) -> dict[str, int]:
    schema = f"{business.name}_ml"
    connection.execute(f"create schema if not exists {schema}")
    known = {predicted.name: predicted for predicted in business.predicted}
    empty: dict[str, pyarrow.Table] = {}
    begun: set[str] = set()
    for predicted, rows in parts:
        part = typed(predicted, rows)
        if part.num_rows or predicted.name in begun:
            _append(connection, f"{schema}.{quote(predicted.name)}", part, predicted.name in begun)
            begun.add(predicted.name)
        else:
            empty[predicted.name] = part  # it may not know its keys' type, as a later part does
    for name in empty.keys() - begun:
        _append(connection, f"{schema}.{quote(name)}", empty[name], False)
        begun.add(name)
    assert begun == known.keys()  # a table that is left out would go on with the scores of before
    for name in sorted(begun):
        _check(connection, schema, known[name])
    return {
        name: connection.execute(f"select count(*) from {schema}.{quote(name)}").fetchall()[0][0]
        for name in sorted(begun)
    }


def _append(connection: DuckDBPyConnection, relation: str, part: pyarrow.Table, is_there: bool) -> None:
    connection.register("part", part)
    verb = f"insert into {relation}" if is_there else f"create or replace table {relation} as"
    connection.execute(f"{verb} select * from part")
    connection.unregister("part")


def _check(connection: DuckDBPyConnection, schema: str, predicted: Predicted) -> None:
    """Every identity of a table; raises PredictionError with how many rows break it, and one of them."""
    relation, keys = f"{schema}.{quote(predicted.name)}", ", ".join(quote(key) for key in predicted.keys)
    broken = [(f"{keys} is there once", f"select {keys} from {relation} group by {keys} having count(*) > 1")]
    for what, condition in [*_ranges(predicted), *predicted.identities]:
        broken.append((what, f"select {keys} from {relation} where {condition}"))
    for what, query in broken:
        rows = connection.execute(f"select count(*), first(row(rows)) from ({query}) as rows").fetchone()
        if rows and rows[0]:
            raise PredictionError(
                f"{predicted.name}: {rows[0]} rows break {what!r}, such as {rows[1]}.",
                "Every score keeps what its table states; the scores of before stay.",
                f"Say so with this message; scores are made from {schema.removesuffix('_ml')}'s last build.",
            )


def _ranges(predicted: Predicted) -> Iterator[tuple[str, str]]:
    for column in predicted.columns:
        name = quote(column.name)
        if not column.nullable:
            yield f"{column.name} is known", f"{name} is null"
        if column.type == "float":
            yield f"{column.name} is a number", f"isnan({name}) or isinf({name})"
        if column.minimum is not None:
            yield f"{column.name} is at least {column.minimum}", f"{name} < {column.minimum}"
        if column.maximum is not None:
            yield f"{column.name} is at most {column.maximum}", f"{name} > {column.maximum}"
