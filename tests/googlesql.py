"""Google's own GoogleSQL analyzer, offline: what it refuses, BigQuery refuses.

The wheel `zetasql` holds the analyzer as WebAssembly. Emulators of BigQuery run on DuckDB and take
DuckDB's own SQL without a word; this one knows BigQuery's functions, signatures and types only.
"""

import contextlib
import ctypes
import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wasmtime import Config, Engine, Linker, Module, Store, WasiConfig, WasmtimeError
from zetasql.core.exceptions import ServerError
from zetasql.core.wasm_client import WasmClient, get_tzinfo_dir
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2, simple_catalog_pb2
from zetasql.wasi._pb2.zetasql.public import options_pb2 as language_pb2
from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_node_kind_pb2

SIMPLE_TYPES = {
    "INT64": "TYPE_INT64",
    "STRING": "TYPE_STRING",
    "BOOL": "TYPE_BOOL",
    "FLOAT64": "TYPE_DOUBLE",
    "NUMERIC": "TYPE_NUMERIC",
    "BIGNUMERIC": "TYPE_BIGNUMERIC",
    "DATE": "TYPE_DATE",
    "DATETIME": "TYPE_DATETIME",
    "TIMESTAMP": "TYPE_TIMESTAMP",
    "TIME": "TYPE_TIME",
    "BYTES": "TYPE_BYTES",
    "JSON": "TYPE_JSON",
    "INTERVAL": "TYPE_INTERVAL",
}
TYPE_NAMES = {kind: name for name, kind in SIMPLE_TYPES.items()}
TYPE_ALIASES = {
    "INT": "INT64",
    "INTEGER": "INT64",
    "BIGINT": "INT64",
    "SMALLINT": "INT64",
    "DECIMAL": "NUMERIC",
}

# What the analyzer can do and BigQuery can't. Kept by hand: nobody publishes BigQuery's own switches.
FOREIGN_FEATURES = """
    ADDITIONAL_DATE_TIME_FUNCTIONS AGGREGATE_FILTERING ALIASES_FOR_STRING_AND_DATE_FUNCTIONS ANONYMIZATION
    ARRAY_AGGREGATION_FUNCTIONS ARRAY_EQUALITY ARRAY_FIND_FUNCTIONS ARRAY_ORDERING ARRAY_ZIP
    DIFFERENTIAL_PRIVACY DOT_PRODUCT ENABLE_MEASURES EXTRACT_FROM_PROTO FILTER_FIELDS FIRST_AND_LAST_N
    FOR_UPDATE INLINE_LAMBDA_ARGUMENT INSERT_ON_CONFLICT_CLAUSE L1_NORM L2_NORM LATERAL_COLUMN_REFERENCES
    LATERAL_JOIN LIMIT_ALL LITERAL_CONCATENATION MANHATTAN_DISTANCE MAP_TYPE MULTILEVEL_AGGREGATION
    MULTIWAY_UNNEST NULLIFZERO_ZEROIFNULL PARAMETERIZED_TYPES PI_FUNCTIONS PROTO_BASE PROTO_MAPS
    REPLACE_FIELDS ROW_TYPE STRUCT_BRACED_CONSTRUCTORS STRUCT_POSITIONAL_ACCESSOR TIMESTAMP_NANOS
    TIMESTAMP_PICOS UPDATE_CONSTRUCTOR UUID_TYPE WITH_EXPRESSION WITH_GROUP_ROWS
"""
ALSO_FORBIDDEN = ("DISABLE_FLOAT32", "DISALLOW_GROUP_BY_FLOAT")

Type = type_pb2.TypeProto
Output = list[tuple[str, Type]]


class Refused(Exception):
    """The analyzer's message about a statement that BigQuery would not run."""


class Analyzer:
    """Knows tables and their column types; says of a statement what it returns or why it is refused."""

    def __init__(self) -> None:
        self._client = _client()
        self._language = self._bigquery()
        self._tables: dict[tuple[str, ...], Output] = {}
        self._registered: int | None = None

    def add_table(self, path: tuple[str, ...], columns: Iterable[tuple[str, str | Type]]) -> None:
        """Make project.dataset.table known, in place of what had that name."""
        parsed = [(name, parse_type(kind) if isinstance(kind, str) else kind) for name, kind in columns]
        self._tables[path] = parsed
        self._forget_catalog()

    def output(self, sql: str) -> Output:
        """The columns that a query returns (none for DELETE, MERGE ...); raises Refused."""
        request = service.AnalyzeRequest(sql_statement=sql, registered_catalog_id=self._catalog_id())
        request.options.CopyFrom(self._options())
        try:
            answer = self._client.call_grpc_func(
                "ZetaSqlLocalService_Analyze", request, service.AnalyzeResponse
            )
        except ServerError as error:
            raise Refused(str(error)) from error
        statement = answer.resolved_statement
        if statement.WhichOneof("node") != "resolved_query_stmt_node":
            return []
        columns = statement.resolved_query_stmt_node.output_column_list
        return [(column.name, column.column.type) for column in columns]

    def _bigquery(self) -> Any:
        """All that the analyzer knows, less what BigQuery does not."""
        request = service.LanguageOptionsRequest(maximum_features=True)
        method = "ZetaSqlLocalService_GetLanguageOptions"
        language = self._client.call_grpc_func(method, request, options_pb2.LanguageOptionsProto)
        feature = language_pb2.LanguageFeature
        names = {feature.Name(number) for number in language.enabled_language_features}
        names -= {name for bare in FOREIGN_FEATURES.split() for name in feature_names(bare)}
        names |= {name for bare in ALSO_FORBIDDEN for name in feature_names(bare)}
        del language.enabled_language_features[:]
        language.enabled_language_features.extend(sorted(feature.Value(name) for name in names))
        language.product_mode = language_pb2.PRODUCT_EXTERNAL
        language.name_resolution_mode = language_pb2.NAME_RESOLUTION_DEFAULT
        language.reserved_keywords.append("QUALIFY")
        kinds = resolved_node_kind_pb2.ResolvedNodeKind.items()
        del language.supported_statement_kinds[:]
        language.supported_statement_kinds.extend(number for name, number in kinds if name.endswith("_STMT"))
        return language

    def _options(self) -> options_pb2.AnalyzerOptionsProto:
        options = options_pb2.AnalyzerOptionsProto(
            error_message_mode=language_pb2.ERROR_MESSAGE_ONE_LINE,
            default_timezone="UTC",
            allow_undeclared_parameters=False,
            preserve_column_aliases=True,
            create_new_column_for_each_projected_output=True,
        )
        options.language_options.CopyFrom(self._language)
        return options

    def _catalog_id(self) -> int:
        if self._registered is None:
            request = service.RegisterCatalogRequest()
            request.simple_catalog.CopyFrom(self._catalog())
            method = "ZetaSqlLocalService_RegisterCatalog"
            answer = self._client.call_grpc_func(method, request, service.RegisterResponse)
            self._registered = answer.registered_id
        return self._registered

    def _forget_catalog(self) -> None:
        if self._registered is not None:
            request = service.UnregisterRequest(registered_id=self._registered)
            self._client.call_grpc_func("ZetaSqlLocalService_UnregisterCatalog", request)
            self._registered = None

    def _catalog(self) -> simple_catalog_pb2.SimpleCatalogProto:
        root = simple_catalog_pb2.SimpleCatalogProto(name="root")
        root.builtin_function_options.language_options.CopyFrom(self._language)
        for alias, name in TYPE_ALIASES.items():
            named = root.named_type.add(name=alias)
            named.type.CopyFrom(parse_type(name))
        folders = {(): root}
        for path, columns in self._tables.items():
            for depth in range(1, len(path)):
                if path[:depth] not in folders:
                    folders[path[:depth]] = folders[path[: depth - 1]].catalog.add(name=path[depth - 1])
            _fill(folders[path[:-1]].table.add(), path[-1], columns)
            _fill(root.table.add(), ".".join(path), columns)  # the whole name in one pair of backticks
        return root


def feature_names(bare: str) -> list[str]:
    """The analyzer's names of a feature, which may carry a version; there is one at least."""
    wanted = re.compile(rf"FEATURE_(V_\d+_\d+_)?{bare}")
    return [name for name in language_pb2.LanguageFeature.keys() if wanted.fullmatch(name)]  # noqa: SIM118


def parse_type(text: str) -> Type:
    """The type of a name as BigQuery writes it; KeyError for one that BigQuery lacks."""
    name = text.strip().upper()
    if name.startswith("ARRAY<"):
        array = Type(type_kind=type_pb2.TYPE_ARRAY)
        array.array_type.element_type.CopyFrom(parse_type(name.removeprefix("ARRAY<").removesuffix(">")))
        return array
    return Type(type_kind=type_pb2.TypeKind.Value(SIMPLE_TYPES[TYPE_ALIASES.get(name, name)]))


def type_name(type_: Type) -> str:
    """The type as BigQuery writes it."""
    kind = type_pb2.TypeKind.Name(type_.type_kind)
    if kind == "TYPE_ARRAY":
        return f"ARRAY<{type_name(type_.array_type.element_type)}>"
    return TYPE_NAMES.get(kind, kind)


def _fill(table: Any, name: str, columns: Output) -> None:
    table.name = name
    table.allow_duplicate_column_names = False
    for column_name, type_ in columns:
        column = table.column.add(name=column_name, is_writable_column=True)
        column.type.CopyFrom(type_)


class _Client(WasmClient):  # type: ignore[misc]
    """The wheel's client with two changes: compiled code is kept, and bytes are copied in one go."""

    def __init__(self) -> None:
        config = Config()
        config.shared_memory = True
        config.cranelift_opt_level = "none"  # compiles in 25 instead of 90 seconds, and runs well enough
        engine = Engine(config)
        wasi = WasiConfig()
        wasi.inherit_stderr()
        if zones := get_tzinfo_dir():
            wasi.preopen_dir(zones, "/usr/share/zoneinfo")
        self.store = Store(engine)
        self.store.set_wasi(wasi)
        self.module = _compiled(engine)
        linker = Linker(engine)
        linker.define_wasi()
        self.instance = linker.instantiate(self.store, self.module)
        self.exports = self.instance.exports(self.store)
        if "_initialize" in self.exports:
            self.exports["_initialize"](self.store)
        self.memory = self.exports["memory"]

    def _base(self) -> int:
        return ctypes.cast(self.memory.data_ptr(), ctypes.c_void_p).value or 0

    def write_bytes(self, ptr: int, data: bytes) -> None:
        ctypes.memmove(self._base() + ptr, data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        return ctypes.string_at(self._base() + ptr, size)


@functools.cache
def _client() -> _Client:
    return _Client()


def _compiled(engine: Engine) -> Module:
    """The analyzer as machine code: from the cache, or compiled and put there if it can be written."""
    source = Path(get_wasm_path()).read_bytes()
    key = f"{hashlib.sha256(source).hexdigest()[:16]}-{os.uname().machine}-{version('wasmtime')}"
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cached = Path(home) / "setia" / f"googlesql-{key}.cwasm"
    if cached.exists():
        with contextlib.suppress(WasmtimeError):
            return Module.deserialize_file(engine, str(cached))
    module = Module(engine, source)
    with contextlib.suppress(OSError):
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cached.parent, delete=False) as file:
            file.write(module.serialize())
        Path(file.name).replace(cached)
    return module
