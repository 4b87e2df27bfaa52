"""The kinds of sources: which settings a kind has, what opens it and what checks it.

Settings, reader and check are named by import path and imported on first use, so that a kind's
client is loaded by those who read from it, and by nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from pydantic_core import PydanticCustomError

from dagster_project.connectors.source_models import Source
from dagster_project.settings import Settings

if TYPE_CHECKING:
    from dagster_project.connectors.extract import Extract

_HERE = Path(__file__).parent
_PACKAGE = __package__ or "dagster_project.connectors"


@dataclass(frozen=True)
class Window:
    """A span of a cursor: from ``first`` up to, but without, ``last``.

    Both are as people write them: a day, a time in the source's own clock, or a number.
    """

    first: str
    last: str


@dataclass(frozen=True)
class Load:
    """The load that a source is opened for. ``now`` is in UTC; ``as_of`` counts as today.

    With a ``window`` only rows whose cursor lies in it are read, of incremental tables. A reader
    that can do so has ``reads_windows = True``; none other is asked.
    """

    load_id: str
    now: datetime
    as_of: date
    settings: Settings
    window: Window | None = None


@dataclass(frozen=True)
class Coverage:
    """Which landed rows a list of keys shows as long as they exist.

    Those whose row of the landed table ``table`` has values in ``columns`` that ``holds`` is true
    of. That row is the one with equal values: ``same`` gives its column for columns of the key.
    """

    table: str
    same: Mapping[str, str]
    columns: Sequence[str]
    holds: Callable[[Sequence[Any]], bool]


class Reader(Protocol):
    """What every kind of source offers.

    One that counts its calls has ``spent``: those made so far, and those made again.
    """

    def extract(
        self, table: Any, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract: ...


@runtime_checkable
class KeyReader(Protocol):
    """A reader that can say which rows its source holds now, so that deletes are found.

    Where its keys are not those of all rows, ``coverage(table)`` gives a :class:`Coverage`.
    """

    def read_keys(self, table: Any, columns: list[str], work: Path) -> Path:
        """Parquet file with the key columns of every row that the source holds now."""


@dataclass(frozen=True)
class Kind:
    """One kind of source.

    ``settings`` is the path of its :class:`Source` class. ``reader`` is the path of
    ``open_source(source, load)``, a context manager that gives a :class:`Reader`. ``check`` is the
    path of ``check(source)``, which gives a list of findings. ``folder`` is where its README and,
    for a preset, its ``tables.toml`` are.
    """

    name: str
    folder: str
    settings: str
    reader: str
    check: str = ""

    @property
    def place(self) -> Path:
        return _HERE / self.folder

    def model(self) -> type[Source]:
        return cast("type[Source]", _imported(self.settings))

    def open(self, source: Source, load: Load) -> AbstractContextManager[Reader]:
        """Connect to ``source``.

        Raises:
            SourceError: the source cannot be reached or does not let us in.
        """
        return cast("AbstractContextManager[Reader]", _imported(self.reader)(source, load))

    def checks(self, source: Source) -> Sequence[Any]:
        """Findings about credentials, scopes and visibility of ``source``."""
        return cast("Sequence[Any]", _imported(self.check)(source)) if self.check else ()


def _kind(name: str, settings: str, *, reader: str = "", check: str = "") -> Kind:
    """A kind in the folder of its name. ``reader``: the folder of another kind that reads it.

    ``check`` is by default a function of that reader's module.
    """
    module = f"{reader or name}.reader"
    return Kind(
        name=name,
        folder=name,
        settings=f"{name}.settings:{settings}",
        reader=f"{module}:open_source",
        check=check or f"{module}:check",
    )


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "sql",
            "sql_database",
            "sql_database.settings:SqlSource",
            "sql_database.reader:open_source",
            "sql_database.check:check",
        ),
        _kind("files", "FilesSource", check="files.check:check"),
        Kind(
            "rest",
            "rest_api",
            "rest_api.settings:RestSource",
            "rest_api.reader:open_source",
            "rest_api.reader:check",
        ),
        _kind("access_log", "AccessLogSource", check="files.check:check"),
        _kind("tryton", "TrytonSource"),
        _kind("odoo_database", "OdooDatabaseSource"),
        _kind("erpnext_database", "ErpnextDatabaseSource"),
        _kind("hubspot", "HubSpotSource"),
        _kind("salesforce", "SalesforceSource"),
        _kind("odoo", "OdooSource"),
        _kind("kingdee", "KingdeeSource"),
        _kind("wecom", "WeComSource"),
        _kind("bottlecrm", "BottleCrmSource", reader="rest_api", check="bottlecrm.check:check"),
        _kind("frappe", "FrappeSource", reader="rest_api"),
        _kind("frappe_crm", "FrappeCrmSource", reader="rest_api"),
        _kind("fxiaoke", "FxiaokeSource", reader="rest_api"),
        _kind("sap_odata", "SapOdataSource", reader="rest_api"),
    )
}


def kind_of(source: Source) -> Kind:
    """The kind that ``source`` is of."""
    return KINDS[source.kind]


def known_tables(source: Source) -> tuple[str, ...]:
    """Tables that the kind of ``source`` knows by itself, also those that it does not load."""
    place = kind_of(source).place
    if not (place / "tables.toml").is_file():
        return ()
    from dagster_project.connectors.presets import preset_tables

    return preset_tables(place)


def as_source(values: Any) -> Source:
    """Settings of one source, as the sources file holds them, as the model of their kind.

    Raises:
        PydanticCustomError: there is no such kind.
        ValidationError: the values do not fit the kind.
    """
    if isinstance(values, Source):
        return values
    name = values.get("kind") if isinstance(values, dict) else None
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        names = [f'"{known}"' for known in KINDS]
        raise PydanticCustomError(
            "kind", "`kind` must be {kinds}", {"kinds": f"{', '.join(names[:-1])} or {names[-1]}"}
        )
    if (kind.place / "tables.toml").is_file():
        from dagster_project.connectors.presets import with_preset

        values = with_preset(values, kind.place)
    return kind.model().model_validate(values)


def _imported(path: str) -> Any:
    module, name = path.split(":")
    return getattr(import_module(f"{_PACKAGE}.{module}"), name)
