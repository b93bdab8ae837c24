"""The files of a simulated business, written by a thread beside the simulation in bounded memory."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from setia.simulation_rows import PLANTED

ROWS_A_PART = 262_144  # large enough for good row groups, small enough for a dozen in memory
PARTS_WAITING = 3

Format = Literal["parquet", "csv"]


class Files:
    """`raw_<table>` files of one folder, plus `ground_truth/`; close it by leaving the `with` block.

    A share of the rows is written twice, as careless exports do; which, is in `ground_truth/planted`.
    """

    def __init__(self, out: Path, schemas: dict[str, pa.Schema], format: Format, twice: float) -> None:
        self.rows = dict.fromkeys(schemas, 0)
        self.draw: Callable[[str, int], np.random.Generator] = lambda _, part: np.random.default_rng(part)
        self._out, self._schemas, self._format, self._twice = out, schemas, format, twice
        self._parts = dict.fromkeys(schemas, 0)
        self._waiting: dict[str, list[pa.Table]] = {name: [] for name in (*schemas, "planted")}
        self._held = dict.fromkeys(self._waiting, 0)
        self._begun: set[str] = set()  # `_writers` belongs to the thread
        self._writers: dict[str, Any] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="simulated-files")
        self._jobs: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                for name in (*self._schemas, "planted"):
                    self._flush(name, last=True)
                while self._jobs:
                    self._jobs.popleft().result()
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)
            for writer in self._writers.values():
                writer.close()

    def add(self, name: str, rows: pa.Table) -> None:
        """Add rows of a table, or of `planted`; they reach the file in large parts."""
        self._waiting[name].append(rows)
        self._held[name] += rows.num_rows
        if self._held[name] >= ROWS_A_PART:
            self._flush(name)

    def add_truth(self, name: str, rows: pa.Table) -> None:
        """Write one table of the ground truth."""
        pq.write_table(
            rows, self._out / "ground_truth" / f"{name}.parquet", compression="zstd", store_schema=False
        )

    def _flush(self, name: str, last: bool = False) -> None:
        waiting = self._waiting[name]
        if not waiting and not (last and name not in self._begun):
            return
        self._begun.add(name)
        self._waiting[name], self._held[name] = [], 0
        rows = pa.concat_tables(waiting) if waiting else self._empty(name)
        if name != "planted":
            rows = self._with_duplicates(name, rows)
            self.rows[name] += rows.num_rows
        while len(self._jobs) >= PARTS_WAITING:
            self._jobs.popleft().result()
        self._jobs.append(self._thread.submit(self._write, name, rows))

    def _empty(self, name: str) -> pa.Table:
        return self._schemas.get(name, PLANTED).empty_table()

    def _with_duplicates(self, name: str, rows: pa.Table) -> pa.Table:
        rng = self.draw(name, self._parts[name])
        self._parts[name] += 1
        count = rng.binomial(rows.num_rows, self._twice)
        if not count:
            return rows
        again = rows.take(np.sort(rng.choice(rows.num_rows, count, replace=False)))
        keys = again.column(0).combine_chunks()
        kinds = [pa.repeat(name, count), keys, pa.repeat("duplicate", count)]
        self._waiting["planted"].append(pa.table(kinds, schema=PLANTED))
        return pa.concat_tables([rows, again])

    def _write(self, name: str, rows: pa.Table) -> None:
        if name not in self._writers:
            self._writers[name] = self._open(name, rows.schema)
        writer = self._writers[name]
        if self._format == "csv" and name != "planted":
            writer.write_table(rows.cast(self._schemas[name]))
        else:
            writer.write_table(rows if rows.schema.equals(writer.schema) else rows.cast(writer.schema))

    def _open(self, name: str, schema: pa.Schema) -> Any:
        if name == "planted":
            path = self._out / "ground_truth" / "planted.parquet"
        elif self._format == "csv":
            return pa_csv.CSVWriter(self._out / f"raw_{name}.csv", self._schemas[name])
        else:
            path = self._out / f"raw_{name}.parquet"
        texts: Any = [f.name for f in schema if pa.types.is_dictionary(f.type) or pa.types.is_string(f.type)]
        # Without the stored schema a reader sees plain strings, not this writer's dictionaries.
        return pq.ParquetWriter(
            path, schema, compression="zstd", compression_level=1, use_dictionary=texts, store_schema=False
        )
