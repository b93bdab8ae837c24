"""One frozen settings object: environment SETIA_*, then setia.toml in the home, then defaults."""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from setia.errors import UsageError

PREFIX = "SETIA_"
# Names that other parts of a run carry in the environment: dbt's profiles, and the longer test set.
NOT_SETTINGS = ("SETIA_DBT_", "SETIA_NIGHTLY")


class Settings(BaseSettings):
    """What a run needs to know about its surroundings. Secrets do not show in `repr`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path = Path(".setia")
    """Holds all state."""
    postgres_url: SecretStr | None = None
    """The operational database; unset: the embedded server in the home."""
    warehouse: Literal["duckdb"] = "duckdb"
    """The warehouse engine."""
    duckdb_dir: Path | None = None
    """Where the DuckDB files are; unset: `warehouse/` in the home."""
    memory_limit: str = "3GB"
    """Memory that DuckDB may use before it spills to disk."""
    compare_hours: float = Field(default=20, ge=0)
    """Hours after which a load compares all of PostgreSQL with raw, which finds every deletion; each daily run does."""
    new_columns: Literal["report", "carry"] = "report"
    """What happens to a source's columns that we do not know: told of, or taken into raw as text, too."""
    churn_days: int | None = Field(default=None, ge=1)
    """Days in which somebody is lost who stops subscribing, or does not order; unset: 30, and 90 for the shop."""
    timezone: str = "Asia/Jakarta"
    """Reporting zone: days and months are cut in it, and naive times are read in it."""
    currency: str = "IDR"
    """Reporting currency, ISO 4217."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("a zone of the IANA database such as Asia/Jakarta or UTC is needed")
        return value

    @field_validator("postgres_url")
    @classmethod
    def _a_url(cls, value: SecretStr | None) -> SecretStr | None:
        try:
            parts = urlsplit(value.get_secret_value()) if value else None
            right = parts is None or (parts.scheme in ("postgresql", "postgres") and (parts.port or 1) > 0)
        except ValueError:
            right = False
        if not right:
            raise ValueError("it looks like postgresql://USER:PASSWORD@HOST:5432/DATABASE")
        return value

    @field_validator("currency")
    @classmethod
    def _three_letters(cls, value: str) -> str:
        if not (len(value) == 3 and value.isalpha() and value.isupper()):
            raise ValueError("three capital letters of ISO 4217, such as IDR or USD, are needed")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over setia.toml, which `load` hands over as the initial values."""
        return env_settings, init_settings

    @property
    def zone(self) -> ZoneInfo:
        """The reporting zone."""
        return ZoneInfo(self.timezone)

    def warehouse_file(self, business: str) -> Path:
        """The DuckDB file of one business."""
        return (self.duckdb_dir or self.home / "warehouse") / f"{business}.duckdb"

    def published(self, business: str) -> Path:
        """The folder of one business's published snapshots."""
        return self.home / "published" / business


def load(home: Path | None = None) -> Settings:
    """The settings of this process; raises UsageError naming an unknown or invalid one."""
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX)
        and not name.startswith(NOT_SETTINGS)
        and name[len(PREFIX) :].lower() not in Settings.model_fields
    )
    if unknown:
        raise UsageError(
            f"{unknown[0]} is not a known setting.",
            f"Known settings: {', '.join(names())}.",
            f"Unset it, or correct its name:  unset {unknown[0]}",
        )
    where = home or Path(os.environ.get("SETIA_HOME") or ".setia")
    try:
        settings = Settings(**(_from_file(where / "setia.toml") | {"home": where}))
    except ValidationError as error:
        raise _invalid(error) from None
    return settings.model_copy(update={"home": where.expanduser().resolve()})


def names() -> list[str]:
    """Every setting as the environment spells it."""
    return [PREFIX + name.upper() for name in Settings.model_fields]


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}.",
            'A line looks like:  timezone = "Asia/Jakarta"',
            f"Correct {path} or remove it.",
        ) from None


def _invalid(error: ValidationError) -> UsageError:
    first = error.errors()[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return UsageError(
            f"setia.toml holds {name!r}, which is not a known setting.",
            f"Known settings: {', '.join(Settings.model_fields)}.",
            "Remove the line or correct its name.",
        )
    shown = "(hidden)" if name == "postgres_url" else repr(first["input"])
    return UsageError(
        f"{PREFIX}{name.upper()}={shown} is not valid.",
        f"{first['msg'].removeprefix('Value error, ')}.",
        f"Set it anew:  export {PREFIX}{name.upper()}=...",
    )
