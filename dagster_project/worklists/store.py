"""Where actions are kept: a SQLite file, or PostgreSQL by setting.

The database itself refuses to change or remove a row. Writers stand in line, so that an action with
a higher ``sequence`` was also stored later: whoever has read up to one number misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_random

from dagster_project.settings import Settings
from dagster_project.worklists.actions import Action, ItemState, WorklistError, fold

TABLE = "worklist_action"
WAIT_SECONDS = 30
_LOCK = 0x534D4801  # any number that nobody else uses for an advisory lock

_metadata = sa.MetaData()
_table = sa.Table(
    TABLE,
    _metadata,
    sa.Column(
        "sequence",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("action_id", sa.String, nullable=False, unique=True),
    sa.Column("list", sa.String, nullable=False),
    sa.Column("subject_id", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("value", sa.String),
    sa.Column("until", sa.Date),
    sa.Column("note", sa.String),
    sa.Column("actor", sa.String, nullable=False),
    # UTC without zone, the same in both databases.
    sa.Column("acted_at", sa.DateTime(timezone=False), nullable=False),
    sa.Column("version_id", sa.String),
    sa.Index("worklist_action_by_list", "list", "sequence"),
    sa.Index("worklist_action_by_subject", "list", "subject_id", "sequence"),
    sqlite_autoincrement=True,
)

_GUARDS = {
    "sqlite": tuple(
        f"create trigger if not exists {TABLE}_no_{what} before {event} on {TABLE} {condition} "
        "begin select raise(abort, 'worklist actions are append-only'); end"
        for what, event, condition in (
            ("update", "update", ""),
            ("delete", "delete", ""),
            # "insert or replace" would remove the old row without asking the delete trigger.
            (
                "replace",
                "insert",
                f"when exists (select 1 from {TABLE} as kept where kept.action_id = new.action_id "
                "or kept.sequence = new.sequence)",
            ),
        )
    ),
    "postgresql": (
        f"create or replace function {TABLE}_refuse() returns trigger language plpgsql as "
        "$$ begin raise exception 'worklist actions are append-only'; end $$",
        f"drop trigger if exists {TABLE}_append_only on {TABLE}",
        f"create trigger {TABLE}_append_only before update or delete or truncate on {TABLE} "
        f"for each statement execute function {TABLE}_refuse()",
    ),
}


class WorklistStore:
    """Actions of all lists in one database; safe for several threads and processes."""

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self._is_file = url.get_backend_name() == "sqlite"
        self._engine: Engine | None = None
        self._folded: dict[str, tuple[tuple[int, str], dict[str, ItemState]]] = {}

    def append_action(self, action: Action) -> Action:
        """Store an action and return it with its ``sequence``; a known one is returned as it is.

        Raises:
            WorklistError: the store cannot be written, or another action has this id.
        """
        with self._transaction(writes=True) as connection:
            assert connection is not None  # a writer creates the store
            known = connection.execute(
                sa.select(_table).where(_table.c.action_id == action.action_id)
            ).first()
            if known is None:
                connection.execute(sa.insert(_table).values(_row(action)))
                known = connection.execute(
                    sa.select(_table).where(_table.c.action_id == action.action_id)
                ).one()
            stored = _action(known)
        if _row(stored) != _row(action):
            raise WorklistError(
                f"Another action has the id {action.action_id}. Make a new id per action."
            )
        return stored

    def actions(self, since: int = 0, list_name: str | None = None) -> list[Action]:
        """Actions after the position ``since``, in stored order; of one list where named."""
        query = sa.select(_table).where(_table.c.sequence > since).order_by(_table.c.sequence)
        if list_name is not None:
            query = query.where(_table.c.list == list_name)
        return self._read(query)

    def history(self, list_name: str, subject_id: str) -> list[Action]:
        """Everything done with one item, in order."""
        return self._read(
            sa.select(_table)
            .where(_table.c.list == list_name, _table.c.subject_id == subject_id)
            .order_by(_table.c.sequence)
        )

    def current_state(self, list_name: str) -> dict[str, ItemState]:
        """What the actions of a list come to, by subject; items without any are left out."""
        newest = (
            sa.select(_table.c.sequence, _table.c.action_id)
            .where(_table.c.list == list_name)
            .order_by(_table.c.sequence.desc())
            .limit(1)
        )
        with self._transaction() as connection:
            last = None if connection is None else connection.execute(newest).first()
        if last is None:
            return {}
        mark = (int(last.sequence), str(last.action_id))
        kept = self._folded.get(list_name)
        if kept is not None and kept[0] == mark:
            return kept[1]
        found = self.actions(list_name=list_name)
        states = fold(found)
        if found:
            self._folded[list_name] = ((found[-1].sequence, found[-1].action_id), states)
        return states

    def position(self) -> int:
        """Sequence of the newest action; 0 before the first. Cheap enough to ask often."""
        with self._transaction() as connection:
            if connection is None:
                return 0
            return int(connection.scalar(sa.select(sa.func.max(_table.c.sequence))) or 0)

    def _read(self, query: sa.Select[Any]) -> list[Action]:
        with self._transaction() as connection:
            return [] if connection is None else [_action(row) for row in connection.execute(query)]

    @contextmanager
    def _transaction(self, writes: bool = False) -> Iterator[Connection | None]:
        """A connection in a transaction; None for a reader before the first action."""
        if not writes and self._is_file and not Path(str(self._url.database)).exists():
            yield None
            return
        try:
            with self._opened().connect() as connection:
                _begin(connection, writes)
                try:
                    yield connection
                    connection.commit()
                except BaseException:
                    connection.rollback()
                    raise
        except (SQLAlchemyError, OSError) as error:
            raise WorklistError(self._problem(error)) from error

    def _opened(self) -> Engine:
        """The engine; the first use creates table and guards where they are missing."""
        if self._engine is not None:
            return self._engine
        if self._is_file:
            Path(str(self._url.database)).parent.mkdir(parents=True, exist_ok=True)
            engine = sa.create_engine(self._url, connect_args={"timeout": WAIT_SECONDS})
            sa.event.listen(engine, "connect", _prepare_file)
        else:
            engine = sa.create_engine(
                self._url, pool_pre_ping=True, connect_args={"connect_timeout": WAIT_SECONDS}
            )
        with engine.connect() as connection:
            _begin(connection, writes=True)
            if not sa.inspect(connection).has_table(TABLE):
                _metadata.create_all(connection)
                for statement in _GUARDS[engine.dialect.name]:
                    connection.exec_driver_sql(statement)
            connection.commit()
        self._engine = engine
        return engine

    def _problem(self, error: Exception) -> str:
        place = self._url.render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", None) or error).strip()
        remedy = (
            "See whether the folder can be written and the disk has room"
            if self._is_file
            else "See whether the server runs and SMH_WORKLIST_URL names it and its password"
        )
        return f"The worklist actions in {place} cannot be used: {reason}. {remedy}."


def _prepare_file(connection: Any, _record: Any) -> None:
    # Transactions are begun by hand: Python would begin one only before a write, without the lock.
    connection.isolation_level = None
    # Readers never wait for a writer; an action is on the disk before it is confirmed.
    _switch_to_wal(connection)
    connection.execute("pragma synchronous = full")


# Of several that switch a new file at once SQLite refuses all but one, without waiting for the
# timeout of the connection. Where the file is switched already the statement changes nothing. Each
# call has retries of its own: those of a decorator share their counts among threads, which race.
def _switch_to_wal(connection: Any) -> None:
    retries = Retrying(
        retry=retry_if_exception_message(match="database is locked"),
        wait=wait_random(0.01, 0.1),
        stop=stop_after_delay(WAIT_SECONDS),
        reraise=True,
    )
    retries(connection.execute, "pragma journal_mode = wal")


def _begin(connection: Connection, writes: bool) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("begin immediate" if writes else "begin")
    elif writes:
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")


def _row(action: Action) -> dict[str, Any]:
    return {
        "action_id": action.action_id,
        "list": action.list_name,
        "subject_id": action.subject_id,
        "action": action.action,
        "value": action.value,
        "until": action.until,
        "note": action.note,
        "actor": action.actor,
        "acted_at": action.acted_at.astimezone(UTC).replace(tzinfo=None),
        "version_id": action.version_id,
    }


def _action(row: Any) -> Action:
    acted_at: datetime = row.acted_at
    return Action(
        action_id=row.action_id,
        list_name=row.list,
        subject_id=row.subject_id,
        action=row.action,
        actor=row.actor,
        acted_at=acted_at.replace(tzinfo=UTC),
        value=row.value,
        until=row.until,
        note=row.note,
        version_id=row.version_id,
        sequence=int(row.sequence),
    )


def worklist_url(settings: Settings) -> sa.URL:
    """The database that the settings name.

    Raises:
        WorklistError: it is neither PostgreSQL nor SQLite.
    """
    if settings.worklist_url is None:
        return sa.URL.create("sqlite", database=str(settings.worklist_file))
    try:
        url = sa.engine.make_url(settings.worklist_url)
    except SQLAlchemyError as error:
        raise WorklistError(
            "SMH_WORKLIST_URL is no database URL. Write postgresql://user:password@host/database."
        ) from error
    if url.get_backend_name() not in _GUARDS:
        raise WorklistError(
            f"SMH_WORKLIST_URL names {url.get_backend_name()}. Use postgresql://… or leave it out."
        )
    return url


@lru_cache(maxsize=16)
def _store(url: sa.URL) -> WorklistStore:
    return WorklistStore(url)


def open_store(settings: Settings) -> WorklistStore:
    """The store that the settings name; nothing is created before the first action."""
    return _store(worklist_url(settings))
