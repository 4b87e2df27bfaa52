"""Dagster's SQLite event log, without a new database connection for every event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    SqliteEventLogStorage,
)
from sqlalchemy import Connection, Engine, create_engine, event

# Each run has a file of its own; a web server that stays up for months reads thousands.
OPEN_FILES = 8


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """The same files and tables as Dagster's own storage, read and written over open connections.

    Dagster makes an SQLAlchemy engine, a connection and a look at the schema for each of the
    thousands of events of a run: a third of what the pipeline on the small demo company cost.
    """

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._known: dict[tuple[str, str], bool] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: Any, config_value: Mapping[str, Any]
    ) -> PooledSqliteEventLogStorage:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engines.pop(shard, None) or self._opened(shard)
            # The one that was used last comes last.
            self._engines[shard] = engine
            while len(self._engines) > OPEN_FILES:
                self._engines.pop(next(iter(self._engines))).dispose()
            with engine.begin() as connection:
                yield connection

    def _opened(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _without_waiting_for_the_disk)
        self._initdb(engine)
        return engine

    def dispose(self) -> None:
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()

    # The schema does not change while a process runs; only what is there is remembered.

    def has_secondary_index(self, name: str) -> bool:
        return self._remembered("index", name, super().has_secondary_index)

    def has_table(self, table_name: str) -> bool:
        return self._remembered("table", table_name, super().has_table)

    def has_asset_key_col(self, column_name: str) -> bool:
        return self._remembered("column", column_name, super().has_asset_key_col)

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        def look(name: str) -> bool:
            return super(PooledSqliteEventLogStorage, self)._has_asset_key_col_on_connection(
                conn, name
            )

        return self._remembered("column", column_name, look)

    def _remembered(self, kind: str, name: str, look: Any) -> bool:
        if not self._known.get((kind, name)):
            self._known[kind, name] = bool(look(name))
        return self._known[kind, name]


def _without_waiting_for_the_disk(connection: Any, _: Any) -> None:
    # In WAL mode a power failure can then cost the last events, never the file.
    connection.execute("PRAGMA synchronous=NORMAL")
