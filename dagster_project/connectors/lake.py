"""Landing: rows reach the raw lake through dlt, and state moves on only with them.

A load is committed in steps that can be repeated: dlt packs the files, an *intent* is written that
holds everything which follows, dlt lands the package, receipts and rejects move into place, the
state is replaced, the intent is removed. A process killed before the intent leaves nothing; one
killed after it is finished by the next load of that system. So no row is lost or landed twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dagster_project.connectors.problems import SourceError, Words
from dagster_project.settings import Settings

LOCK_SECONDS = 600
LOAD_ID_FORMAT = "%Y%m%dT%H%M%S.%fZ"


@dataclass
class SystemState:
    """What is known of one system from earlier loads."""

    last_load_id: str = ""
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Landing:
    """Files of rows for one table, all with the same columns."""

    table: str
    files: Sequence[Path]


class Lake:
    """The raw lake as one system's loads see it. Use within :meth:`locked`."""

    def __init__(self, settings: Settings, system: str) -> None:
        self._settings = settings
        self._system = system
        self._state_folder = settings.home / "lake" / "state" / system
        self._pending = self._state_folder / "pending"
        self._intent = self._pending / "intent.json"
        self._state_file = self._state_folder / "state.json"
        # From here on only the next load may clear up: dlt may hold a package of this one.
        self._is_packing = False

    @property
    def work(self) -> Path:
        """Scratch folder of the load that runs."""
        return self._pending

    def known_rows_file(self, table: str, load_id: str) -> Path:
        """Where the rows known after load ``load_id`` are remembered."""
        return self._state_folder / f"{table}.{load_id}.parquet"

    def absent_keys_file(self, table: str, load_id: str) -> Path:
        """Where the keys are remembered that the source held and the lake did not."""
        return self._state_folder / f"{table}.{load_id}.absent.parquet"

    def rows_glob(self, table: str) -> str:
        """Glob of all landed files of ``table``."""
        return str(self._settings.raw / self._system / table / "*.parquet")

    def rows_files(self, table: str) -> list[Path]:
        """All landed files of ``table``."""
        return sorted((self._settings.raw / self._system / table).glob("*.parquet"))

    def has_rows(self, table: str) -> bool:
        return bool(self.rows_files(table))

    @contextlib.contextmanager
    def locked(self) -> Iterator[SystemState]:
        """Exclude other loads of this system, finish a killed one, and give the state.

        Raises:
            SourceError: another load of this system did not end in time.
        """
        self._state_folder.mkdir(parents=True, exist_ok=True)
        with (self._state_folder / "lock").open("a") as handle:
            self._wait_for(handle.fileno())
            self._recover()
            self._pending.mkdir(parents=True)
            try:
                yield self._read_state()
            finally:
                if not self._is_packing:
                    shutil.rmtree(self._pending, ignore_errors=True)

    def _wait_for(self, descriptor: int) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SourceError(
                        Words(
                            f"Another load of {self._system} has been running for over "
                            f"{LOCK_SECONDS} s.",
                            f"{self._system} 的另一次加载已运行超过 {LOCK_SECONDS} 秒。",
                        ),
                        Words("Wait for it or end it.", "请等待其结束或终止它。"),
                        is_transient=True,
                    ) from None
                time.sleep(0.2)

    def forget(self, table: str | None = None) -> None:
        """Forget every load of this system, or of one table of it.

        The id of the last load stays, which later ones must pass. Where dlt keeps the types of
        columns it keeps those of all tables; the next load tells them anew.
        """
        known = self._read_state()
        tables = {name: one for name, one in known.tables.items() if table not in (None, name)}
        state = {"last_load_id": known.last_load_id, "tables": tables}
        _write_text(self._state_file, json.dumps(state, ensure_ascii=False))
        self._forget_old_rows(state)
        shutil.rmtree(self._pipelines_folder / self._pipeline_name, ignore_errors=True)

    def next_load_id(self, state: SystemState, now: datetime) -> str:
        """A load id greater than any before, also when the clock was set back."""
        load_id = now.strftime(LOAD_ID_FORMAT)
        if load_id <= state.last_load_id:
            last = datetime.strptime(state.last_load_id, LOAD_ID_FORMAT)  # noqa: DTZ007
            load_id = (last + timedelta(microseconds=1)).strftime(LOAD_ID_FORMAT)
        return load_id

    def commit(
        self,
        state: SystemState,
        landings: Sequence[Landing],
        moves: Mapping[Path, Path],
        deleted: Sequence[Path] = (),
    ) -> None:
        """Land the files, move the others into place, keep ``state``: all or, later, the rest.

        Args:
            moves: files below :attr:`work` → where readers find them; appear whole or not at all.
            deleted: files that go.
        """
        self._is_packing = True
        package = self._pack(landings) if landings else None
        intent = {
            "package": package,
            "moves": [[str(a), str(b)] for a, b in moves.items()],
            "deleted": [str(path) for path in deleted],
            "state": {"last_load_id": state.last_load_id, "tables": state.tables},
        }
        _write_text(self._intent, json.dumps(intent, ensure_ascii=False))
        self._finish(intent)

    def _recover(self) -> None:
        if self._intent.exists():
            self._finish(json.loads(self._intent.read_text(encoding="utf-8")))
        elif self._pending.exists():
            # Killed before the intent: what dlt packed was never landed and is read again.
            if self._pipelines_folder.joinpath(self._pipeline_name).exists():
                self._pipeline.abort_packages()
            shutil.rmtree(self._pending)

    def _finish(self, intent: Mapping[str, Any]) -> None:
        is_landed = True
        if intent["package"]:
            pipeline = self._pipeline
            if pipeline.has_pending_data:
                pipeline.normalize(workers=1)
                pipeline.load(workers=2)
            markers = self._settings.raw / self._system / "_dlt_loads"
            is_landed = any(markers.glob(f"*__{intent['package']}*"))
        if is_landed:
            for name in intent.get("deleted", ()):
                Path(name).unlink(missing_ok=True)
            for source, target in intent["moves"]:
                if Path(source).exists():
                    Path(target).parent.mkdir(parents=True, exist_ok=True)
                    Path(source).replace(target)
            _write_text(self._state_file, json.dumps(intent["state"], ensure_ascii=False))
            self._forget_old_rows(intent["state"])
        shutil.rmtree(self._pending)
        self._is_packing = False

    def _forget_old_rows(self, state: Mapping[str, Any]) -> None:
        names = ("known_rows", "absent")
        kept = {table.get(name) for table in state["tables"].values() for name in names}
        for path in self._state_folder.glob("*.parquet"):
            if path.name not in kept:
                path.unlink()

    def known_rows(self, table_state: Mapping[str, Any]) -> Path | None:
        """The remembered rows of a table, or None."""
        return self._remembered(table_state, "known_rows")

    def absent_keys(self, table_state: Mapping[str, Any]) -> Path | None:
        """The remembered absent keys of a table, or None."""
        return self._remembered(table_state, "absent")

    def _remembered(self, table_state: Mapping[str, Any], what: str) -> Path | None:
        name = table_state.get(what)
        path = self._state_folder / name if name else None
        return path if path and path.exists() else None

    def _read_state(self) -> SystemState:
        if not self._state_file.exists():
            return SystemState()
        values = json.loads(self._state_file.read_text(encoding="utf-8"))
        return SystemState(values["last_load_id"], values["tables"])

    @property
    def _pipelines_folder(self) -> Path:
        return self._settings.home / "dlt"

    @property
    def _pipeline_name(self) -> str:
        return f"load_{self._system}"

    @functools.cached_property
    def _pipeline(self) -> Any:
        dlt, destination = _dlt()
        return dlt.pipeline(
            self._pipeline_name,
            pipelines_dir=str(self._pipelines_folder),
            destination=destination(
                bucket_url=str(self._settings.raw),
                layout="{table_name}/{load_id}.{file_id}.{ext}",
                warn_unsafe_layout_separators=False,
            ),
            dataset_name=self._system,
        )

    def _pack(self, landings: Sequence[Landing]) -> str:
        import pyarrow.parquet as pq

        dlt, _ = _dlt()

        def resource(landing: Landing) -> Any:
            def items() -> Iterator[Any]:
                for path in landing.files:
                    count = pq.read_metadata(path).num_rows
                    yield dlt.mark.with_file_import(str(path), "parquet", count)

            return dlt.resource(
                items,
                name=landing.table,
                write_disposition="append",
                columns=_dlt_columns(pq.read_schema(landing.files[0])),
                schema_contract={
                    "tables": "evolve",
                    "columns": "evolve",
                    "data_type": "freeze",
                },
            )

        @dlt.source(name=self._system)
        def source() -> Any:
            return [resource(landing) for landing in landings]

        info = self._pipeline.extract(source(), loader_file_format="parquet", workers=1)
        (package,) = info.loads_ids
        return str(package)


def _dlt_columns(schema: Any) -> list[Any]:
    """Column hints for dlt that equal the file, so that dlt lands it without rewriting it."""
    import pyarrow as pa

    kinds = {
        pa.string(): "text",
        pa.int64(): "bigint",
        pa.float64(): "double",
        pa.bool_(): "bool",
        pa.date32(): "date",
        pa.binary(): "binary",
    }
    columns: list[dict[str, Any]] = []
    for entry in schema:
        column: dict[str, Any] = {"name": entry.name, "nullable": True}
        if pa.types.is_timestamp(entry.type):
            column |= {"data_type": "timestamp", "timezone": False, "precision": 6}
        elif pa.types.is_decimal(entry.type):
            column |= {
                "data_type": "decimal",
                "precision": entry.type.precision,
                "scale": entry.type.scale,
            }
        elif pa.types.is_time(entry.type):
            column |= {"data_type": "time", "precision": 6}
        else:
            column["data_type"] = kinds[entry.type]
        columns.append(column)
    return columns


@functools.cache
def _dlt() -> tuple[Any, Any]:
    """dlt, set up once for this process, and the destination class that lands whole files.

    dlt gets its settings from here alone. Left to itself it also reads ``.dlt`` folders, every
    environment variable and, by importing Streamlit (seconds), that one's secrets.
    """
    with warnings.catch_warnings():
        # dlt's import touches a deprecated accelerator of sqlglot.
        warnings.simplefilter("ignore")
        import dlt
        from dlt.common.configuration.container import Container
        from dlt.common.configuration.providers.dictionary import DictionaryProvider
        from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
        from dlt.common.runtime.run_context import RunContext
        from dlt.destinations import filesystem
        from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
        from fsspec.implementations.local import LocalFileSystem

    class Context(RunContext):
        def initial_providers(self) -> list[Any]:
            settings = DictionaryProvider()
            settings.set_value("dlthub_telemetry", False, None, "runtime")
            settings.set_value("log_level", "ERROR", None, "runtime")
            settings.set_value("delete_completed_jobs", True, None, "load")
            settings.set_value("naming", "direct", None, "schema")
            return [settings]

    class WholeFiles(LocalFileSystem):
        """Local files that appear by a hard link or a rename, never half written."""

        def put_file(self, lpath: str, rpath: str, callback: Any = None, **_: Any) -> None:
            target = Path(self._strip_protocol(rpath))
            partial = target.with_name(f".{target.name}.partial")
            partial.unlink(missing_ok=True)
            try:
                partial.hardlink_to(self._strip_protocol(lpath))
            except OSError:
                # Another file system, or one without links.
                shutil.copyfile(self._strip_protocol(lpath), partial)
            partial.replace(target)
            # Renaming one link of a file onto another of the same file leaves both.
            partial.unlink(missing_ok=True)

    class WholeFilesClient(FilesystemClient):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.fs_client = WholeFiles(auto_mkdir=True, skip_instance_cache=True)

    class lake(filesystem):  # noqa: N801 - dlt takes the destination's name from the class
        @property
        def client_class(self) -> type[FilesystemClient]:
            return WholeFilesClient

    Container()[PluggableRunContext] = PluggableRunContext(Context("."))
    return dlt, lake


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(path)
