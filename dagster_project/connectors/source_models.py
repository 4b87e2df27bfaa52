"""What every source and every table of a source has, whatever its kind.

Each kind adds its own settings in its own folder (``connectors/<kind>/settings.py``) and is listed
in :mod:`connectors.kinds`. Models refuse keys that they do not know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    field_validator,
    model_validator,
)

from dagster_project.connectors.plain_secrets import refuse_plain_secrets, refuse_secret_in_url

RESERVED_SYSTEMS = frozenset({"ops"})
RESERVED_COLUMNS = ("_load_id", "_loaded_at", "_source_file", "_source_row", "_is_deleted")


def _as_sequence(value: object) -> object:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(min_length=1)]


Columns = Annotated[tuple[Text, ...], BeforeValidator(_as_sequence)]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(Model):
    """Name of a system as people see it."""

    en: Text
    zh: Text


class Table(Model):
    """One table of a source, landed as ``raw/<system>/<name>/``."""

    name: Name
    load: Literal["incremental", "snapshot", "append"] = "snapshot"
    primary_key: Columns = ()
    shrink_ratio: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="A snapshot with fewer rows than this share of the last is held back, and an "
        "increment whose source shows fewer keys than this share of those landed; 0 = off.",
    )
    columns: Literal["evolve", "freeze"] = "evolve"
    drift: Literal["evolve", "freeze", "quarantine"] | None = Field(
        default=None, description="What a changed structure does; by default as the source says."
    )
    finer_times: Literal["reject", "cut"] = Field(
        default="reject",
        description="Times with digits behind the microsecond, where the lake's type of time ends. "
        "reject: their rows are set apart; cut: those digits are left out.",
    )
    deletes: Literal["sweep", "flag", "history", "archived", "none"] = Field(
        default="sweep",
        description="How an increment learns of deleted rows. sweep: all keys are compared; flag: "
        "`deleted_flag` tells; history: `deleted_query` lists their keys; archived: the source "
        "lists them itself; none: it does not.",
    )
    sweep: Literal["every_load", "daily", "weekly"] = Field(
        default="every_load", description="How often keys are compared, by UTC days and weeks."
    )
    deleted_flag: Text | None = Field(
        default=None, description="Column that marks deleted rows, which stay at the source."
    )
    deleted_values: Columns = Field(
        default=("true", "t", "yes", "y", "1"),
        description="Values of `deleted_flag` that say deleted; upper and lower case are equal.",
    )

    @model_validator(mode="after")
    def _told_how_deleted(self) -> Table:
        if (self.deletes == "flag") != bool(self.deleted_flag):
            raise ValueError('`deletes = "flag"` and `deleted_flag` need each other; add the other')
        return self

    @property
    def cuts_times(self) -> bool:
        return self.finer_times == "cut"

    @property
    def is_snapshot(self) -> bool:
        return self.load == "snapshot"


class Source(Model):
    """One source system. The concrete class is that of its kind: see `connectors.kinds`."""

    system: Name
    kind: Text
    mapping_set: Name = Field(
        default="",
        validate_default=False,
        description='Rows of field_mapping.csv that read it; "none": what lands stays in the lake.',
    )
    label: Label = Field(default=None, validate_default=False)  # type: ignore[assignment]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    time_zone: str = Field(default="UTC", description="IANA zone of timestamps without one.")
    schedule: Literal["hourly", "daily", "weekly", "manual"] = "daily"
    drift: Literal["evolve", "freeze", "quarantine"] = Field(
        default="evolve",
        description="A changed structure. evolve: new columns are landed; freeze: the table waits "
        "until someone agrees; quarantine: rows with values in new columns are set apart.",
    )
    tables: tuple[Table, ...] = Field(alias="table", min_length=1)

    # The file this source stands in; messages name it.
    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The sources file, or None for a source made in code."""
        return self._file

    @field_validator("system")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value in RESERVED_SYSTEMS:
            raise ValueError(f'"{value}" is reserved for the pipeline\'s own tables; rename it')
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f'"{value}" is no IANA time zone; write for example "Asia/Shanghai" or "UTC"'
            ) from error
        return value

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("system"), str):
            system = values["system"]
            values = {"mapping_set": system, "label": {"en": system, "zh": system}, **values}
        return values

    def drift_of(self, table: Table) -> Literal["evolve", "freeze", "quarantine"]:
        """What a changed structure of ``table`` does."""
        return table.drift or ("freeze" if table.columns == "freeze" else self.drift)

    @model_validator(mode="after")
    def _unique_tables(self) -> Source:
        repeated = [n for n, count in Counter(t.name for t in self.tables).items() if count > 1]
        if repeated:
            raise ValueError(f"table names must differ; rename one of: {', '.join(repeated)}")
        return self


class PlacedSource(Source):
    """A source of files in one place: what `location` and `options` mean is fsspec's."""

    location: Text = Field(description="A folder: a path or any fsspec URL.")
    options: dict[str, str | int | bool] = Field(
        default_factory=dict, description="Options of the fsspec file system."
    )
    options_env: dict[str, str] = Field(
        default_factory=dict,
        description="Option name → environment variable that holds it (keys, passwords).",
    )
    options_file: dict[str, str] = Field(
        default_factory=dict, description="Option name → file that holds it."
    )

    @model_validator(mode="after")
    def _no_plain_secrets(self) -> PlacedSource:
        refuse_plain_secrets("options", self.options)
        refuse_secret_in_url(
            "location",
            self.location,
            "name an environment variable in `options_env`, or a file in `options_file`: "
            'options_env = { password = "…" }',
        )
        return self


def named_variables(settings: BaseModel, path: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of key and environment variable, for every ``…_env`` key that is set.

    Keys of models inside a model are told with their path: ``auth.token_env``.
    """
    for name, value in settings:
        key = f"{path}{name}"
        if name.endswith("_env") and isinstance(value, str):
            yield key, value
        elif name.endswith("_env") and isinstance(value, dict):
            yield from ((f"{key}.{option}", variable) for option, variable in value.items())
        elif isinstance(value, BaseModel):
            yield from named_variables(value, f"{key}.")
