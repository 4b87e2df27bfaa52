"""SQL databases through SQLAlchemy: SQLite, PostgreSQL, MySQL and others with a driver.

Rows are streamed with a server-side cursor and typed by the source's own column types, so that no
value is rounded on its way. Incremental loads read again from an overlap behind the newest cursor,
because both clocks of a row may hold the time its transaction *started*, and always read the rows
without a cursor.
"""

from __future__ import annotations

import contextlib
import difflib
import logging
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    NoSuchTableError,
    SQLAlchemyError,
)

from dagster_project.connectors.extract import (
    CURSOR_COLUMN,
    Batch,
    Extract,
    check_names,
    write_rows,
)
from dagster_project.connectors.kinds import Load, Window
from dagster_project.connectors.problems import (
    SourceError,
    Words,
    one_line,
    without_secrets,
)
from dagster_project.connectors.receipts import naive_utc
from dagster_project.connectors.secrets import read_secret, remember
from dagster_project.connectors.sql_database import columns as column_types
from dagster_project.connectors.sql_database.arrow import ArrowReader, NotExact, write_batches
from dagster_project.connectors.sql_database.check import check as check
from dagster_project.connectors.sql_database.columns import LOOSE_DECIMAL, Columns
from dagster_project.connectors.sql_database.settings import SqlSource, SqlTable
from dagster_project.connectors.values import Unfit, coerce, common_type, type_of_value
from dagster_project.settings import secret, utc_now

log = logging.getLogger("dagster_project.connectors")

BATCH_ROWS = 20_000
CONNECT_SECONDS = 10
# Drivers that are installed; SQLAlchemy's own defaults differ from version to version.
_DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+pymssql",
    "oracle": "oracle+oracledb",
    "dm": "dm+dmPython",
}
# What each driver calls the longest wait for a server.
_WAIT = {
    "postgresql": "connect_timeout",
    "mysql": "connect_timeout",
    "mariadb": "connect_timeout",
    "mssql": "login_timeout",
    "oracle": "tcp_connect_timeout",
    "dm": "login_timeout",
}
# What of pyproject's optional dependencies brings the driver of a kind of database.
_EXTRAS = {"mssql": "sqlserver", "oracle": "oracle", "dm": "dameng"}
_UTC = ZoneInfo("UTC")
# How databases tell that user or password are wrong.
_REFUSED = ("password", "authentication", "access denied", "role ", "login failed", "密码")
# Databases that show one transaction one state, however long it reads.
_ONE_MOMENT = frozenset({"postgresql", "mysql", "mariadb"})


class SqlReader:
    """An open connection to one database; :meth:`extract` reads one table of it."""

    reads_windows = True

    @property
    def reads_one_moment(self) -> bool:
        """Whether rows and keys of one table are those of one and the same moment."""
        return self._is_one_moment

    def __init__(
        self,
        source: SqlSource,
        engine: sa.Engine,
        connection: sa.Connection,
        window: Window | None = None,
        arrow: ArrowReader | None = None,
    ) -> None:
        self._source = source
        self._engine = engine
        self._connection = connection
        self._window = window
        self._zone = ZoneInfo(source.time_zone)
        self._dialect = engine.dialect.name
        self._arrow = arrow
        self._is_one_moment = self._dialect in _ONE_MOMENT
        self._kinds_of_key: dict[str, sa.types.TypeEngine[Any]] = {}

    def extract(
        self,
        table: SqlTable,
        state: Mapping[str, Any],
        work: Path,
        *,
        full: bool,
    ) -> Extract:
        """Read one table: everything, or from the cursor of ``state`` on.

        Raises:
            SourceError: the table, a column or the query cannot be read.
        """
        extract = Extract()
        frozen: Mapping[str, str] = state.get("columns", {})
        with self._told(table):
            # Each table is read as it is now, not as it was when the source was opened.
            self._connection.rollback()
            columns = self._describe(table, frozen)
        declared = columns.landed
        where = f"{self._source.system}.{table.name}"
        check_names(list(declared), where)
        extract.described = sorted(declared)
        flag = (table.deleted_flag,) if table.deleted_flag else ()
        for role, names in (
            ("cursor", table.cursor),
            ("primary_key", table.primary_key),
            ("deleted_flag", flag),
        ):
            for name in names:
                if name not in declared:
                    raise _no_column(where, role, name, list(declared))
        if table.cuts_times and columns.finer and not state.get("has_landed"):
            extract.notes.append(_told_cut(columns.finer))
        extract.missing_columns = set(frozen) - set(declared)
        extract.type_changes = {
            name: (frozen[name], kind)
            for name, kind in declared.items()
            if kind and name in frozen and frozen[name] != kind and name not in columns.loose
        }
        conditions: list[sa.ColumnElement[bool]] = []
        cursor: sa.ColumnElement[Any] | None = None
        cursor_kind: str | None = None
        if table.cursor:
            candidates = [columns.ordered[name] for name in table.cursor]
            cursor = sa.func.coalesce(*candidates) if len(candidates) > 1 else candidates[0]
            cursor_kind = common_type({k for n in table.cursor if (k := declared[n])})
            saved = None if full else state.get("cursor")
            if self._window:
                first, last = _bounds(self._window, state["cursor"], where, self._zone)
                extract.cursor_from, extract.cursor_to = str(first), str(last)
                conditions = [cursor >= first, cursor < last]
            elif saved:
                start = _lower_bound(saved, table)
                extract.cursor_from = str(start)
                conditions = [sa.or_(cursor >= start, cursor.is_(None))]
        wanted = _Wanted(columns, list(declared), conditions, cursor, cursor_kind)
        taken_at = naive_utc(utc_now())
        path = work / f"{table.name}.extract.parquet"
        with self._told(table):
            newest = self._write(wanted, extract, path, frozen, cut_times=table.cuts_times)
        if table.cursor and not self._window:
            # What was read whole has no row beyond the newest: not where a restored database, or
            # a counter that began anew, is behind what was once there.
            saved = None if full else state.get("cursor")
            self._move_cursor(extract, table, saved, newest, cursor_kind)
        elif not table.cursor:
            # A copy of the whole table is as new as the moment at which it was taken.
            extract.newest_at = taken_at
        if table.deleted_query:
            extract.deleted_keys = self._read_deleted(table, columns, work)
        return extract

    def _read_deleted(self, table: SqlTable, columns: Columns, work: Path) -> Path:
        """Keys that the history lists as deleted, less those that the table holds (again)."""
        key = list(table.primary_key)
        listed = sa.text((table.deleted_query or "").strip().rstrip(";"))
        deleted = listed.columns(*(sa.column(name) for name in key)).subquery("deleted")
        relation = columns.relation
        is_same = sa.and_(*(relation.c[name] == deleted.c[name] for name in key))
        gone = ~sa.exists(sa.select(sa.literal(1)).select_from(relation).where(is_same))
        # Keys are written as the table's own keys are.
        of_history = Columns(deleted)
        for name in key:
            kind = self._kinds_of_key.get(name, relation.c[name].type)
            of_history.add(self._dialect, name, kind)
        path = work / f"{table.name}.listed.parquet"
        with self._told(table):
            wanted = _Wanted(of_history, key, [gone])
            self._write(wanted, Extract(), path, {}, cut_times=table.cuts_times)
        return path

    def read_keys(self, table: SqlTable, columns: list[str], work: Path) -> Path:
        """All keys that the source holds now, as a Parquet file, to find deleted rows."""
        path = work / f"{table.name}.keys.parquet"
        with self._told(table):
            wanted = _Wanted(self._describe(table), columns)
            self._write(wanted, Extract(), path, {}, cut_times=table.cuts_times)
        return path

    def count_rows(self, table: SqlTable) -> int:
        """Rows that the source holds now."""
        with self._told(table):
            relation = self._describe(table).relation
            statement = sa.select(sa.func.count()).select_from(relation)
            return int(self._connection.execute(statement).scalar_one())

    def _write(
        self,
        wanted: _Wanted,
        extract: Extract,
        path: Path,
        frozen: Mapping[str, str],
        *,
        cut_times: bool,
    ) -> Any:
        """Write the rows to ``path``, as Arrow where that is exact; the greatest cursor."""
        extract.count_calls += 1
        kinds = wanted.kinds
        exact = {n: frozen.get(n) or k for n, k in kinds.items()}
        for name in wanted.columns.loose & set(kinds):
            exact[name] = exact[name] or LOOSE_DECIMAL
        is_same = all(exact[n] == kinds[n] or n in wanted.columns.loose for n in kinds)
        if self._arrow is not None and is_same and all(exact.values()):
            types = {name: kind for name, kind in exact.items() if kind}
            try:
                batches = self._arrow.batches(self._literal(wanted), self._snapshot())
                extract.rows_read, newest = write_batches(batches, path, types, self._zone)
            except NotExact as verdict:
                told = one_line(verdict.__cause__ or verdict)
                told = without_secrets(told, _secrets(self._source))
                log.info("%s is read row by row: %s", path.name, told)
                path.unlink(missing_ok=True)
            else:
                extract.parquet.append(path)
                extract.columns.update({n: k for n, k in types.items() if n != CURSOR_COLUMN})
                return newest
        newest_seen = _Newest()
        write_rows(
            extract,
            self._stream(wanted.statement(), list(kinds), newest_seen),
            path,
            frozen=frozen,
            declared=kinds,
            zone=self._zone,
            raw_zone_columns=frozenset({CURSOR_COLUMN}),
            at_least={
                n: LOOSE_DECIMAL for n in wanted.columns.loose if n in kinds and not kinds[n]
            },
            cut_times=cut_times,
        )
        return newest_seen.value

    def _literal(self, wanted: _Wanted) -> str:
        """The statement as text, for a driver that is not SQLAlchemy's."""
        compiled = wanted.statement(as_arrow=True).compile(
            dialect=postgresql.dialect(paramstyle="named"),
            compile_kwargs={"literal_binds": True},
        )
        return str(compiled)

    def _snapshot(self) -> str | None:
        """Name of this transaction's state; None on a standby, which cannot give one."""
        if self._connection.execute(sa.text("select pg_is_in_recovery()")).scalar():
            self._is_one_moment = False
            return None
        return str(self._connection.execute(sa.text("select pg_export_snapshot()")).scalar())

    def _stream(
        self, statement: sa.Select[Any], names: list[str], newest: _Newest
    ) -> Iterator[Batch]:
        result = self._connection.execution_options(
            stream_results=True, max_row_buffer=BATCH_ROWS
        ).execute(statement)
        position = names.index(CURSOR_COLUMN) if CURSOR_COLUMN in names else None
        with result:
            for rows in result.partitions(BATCH_ROWS):
                if position is not None:
                    newest.see(row[position] for row in rows)
                yield Batch(names, [tuple(map(_plain, row)) for row in rows])

    def _no_table(
        self,
        table: SqlTable,
        name: str,
        present: list[str],
        inspector: sa.Inspector,
        frozen: Mapping[str, str],
    ) -> SourceError:
        """The problem that a table is not there; where it was, what it may be called now."""
        where = f"{self._source.system}.{table.name}"
        near = difflib.get_close_matches(name, present, n=3) or present[:10]
        remedy = Words(
            f"Set `table` (and `schema`) in the sources file; there are: "
            f"{', '.join(near) or 'none'}.",
            f"请在源文件中设置 table（和 schema）；现有：{'、'.join(near) or '无'}。",
        )
        listed = {one.table or one.name for one in self._source.tables}
        for other in present[:500] if frozen else []:
            columns = {c["name"] for c in inspector.get_columns(other, schema=table.schema_name)}
            if other not in listed and set(frozen) <= columns:
                return SourceError(
                    Words(
                        f'{where}: the database has no table "{name}" any more; "{other}" has all '
                        "its columns and may be its new name.",
                        f"{where}：数据库中已没有表“{name}”；“{other}”包含其全部列，可能是新名称。",
                    ),
                    Words(
                        f'If it was renamed, set `table = "{other}"`; nothing landed is lost.',
                        f'若已改名，请设置 table = "{other}"；已入湖的数据不会丢失。',
                    ),
                    changes=[{"change": "table_renamed", "from": name, "to": other}],
                )
        return SourceError(
            Words(
                f'{where}: the database has no table "{name}".',
                f"{where}：数据库中没有表“{name}”。",
            ),
            remedy,
            changes=[{"change": "table_gone", "from": name}],
        )

    def _describe(self, table: SqlTable, frozen: Mapping[str, str] | None = None) -> Columns:
        """The relation to select from, and how each of its columns travels."""
        self._kinds_of_key = {}
        if table.query:
            # Asked first: SQL Server's driver has one open result at a time.
            types = self._types_of_query(table.query)
            inner = sa.text(table.query.strip().rstrip(";"))
            probe = self._connection.execute(
                sa.select(sa.text("*")).select_from(inner.columns().subquery("q")).limit(0)
            )
            columns = column_types.of_query(table.query, probe, self._dialect, types)
            probe.close()
            return columns
        name = table.table or table.name
        inspector = sa.inspect(self._connection)
        try:
            described = inspector.get_columns(name, schema=table.schema_name)
        except NoSuchTableError as error:
            present = sorted(
                [
                    *inspector.get_table_names(schema=table.schema_name),
                    *inspector.get_view_names(schema=table.schema_name),
                ]
            )
            raise self._no_table(table, name, present, inspector, frozen or {}) from error
        self._kinds_of_key = {column["name"]: column["type"] for column in described}
        return column_types.of_table(self._dialect, name, table.schema_name, described)

    def _types_of_query(self, query: str) -> list[str | None]:
        """Types of a query's columns as SQL Server names them; nothing for other databases."""
        if self._dialect != "mssql":
            return []
        named = {"query": query.strip().rstrip(";")}
        return list(self._connection.execute(column_types.DESCRIBE_QUERY, named).scalars())

    def _move_cursor(
        self,
        extract: Extract,
        table: SqlTable,
        saved: Mapping[str, str] | None,
        newest: Any,
        kind: str | None,
    ) -> None:
        if newest is None:
            extract.state["cursor"] = saved
        else:
            value = newest
            if saved:
                before = _from_saved(saved)
                with contextlib.suppress(TypeError):
                    value = max(before, value)
            extract.state["cursor"] = _to_saved(self._not_ahead(extract, value))
        current = extract.state["cursor"]
        if current:
            value = _from_saved(current)
            extract.cursor_to = str(value)
            start = _lower_bound(current, table)
            with contextlib.suppress(Unfit):
                extract.known_from = coerce(start, kind or type_of_value(start) or "text", _UTC)
            with contextlib.suppress(Unfit, ValueError):
                moment = coerce(value, "timestamp", self._zone, cut_times=True)
                extract.newest_at = moment

    def _not_ahead(self, extract: Extract, newest: Any) -> Any:
        """The newest cursor, or the present where a clock or a typing error ran ahead of it.

        A cursor in the future would hide every row until that day.
        """
        now = utc_now()
        local = now.astimezone(self._zone).replace(tzinfo=None)
        limit: Any = None
        if isinstance(newest, datetime):
            limit = now if newest.tzinfo else local
        elif isinstance(newest, date):
            limit = local.date()
        elif isinstance(newest, str) and _is_time(newest):
            moment = datetime.fromisoformat(newest)
            present = now if moment.tzinfo else local
            limit = newest if moment <= present else _spelled_as(newest, present)
        if limit is None or newest <= limit:
            return newest
        extract.notes.append(
            Words(
                f"A cursor lies in the future ({newest}): its clock is ahead, or it was mistyped. "
                "Rows are read again from the present on.",
                f"有游标值位于未来（{newest}）：源时钟偏快或录入有误。将从当前时间起重复读取。",
            )
        )
        return limit

    @contextlib.contextmanager
    def _told(self, table: SqlTable) -> Iterator[None]:
        """Tell database errors in terms of the table."""
        where = f"{self._source.system}.{table.name}"
        try:
            yield
        except SQLAlchemyError as error:
            with contextlib.suppress(SQLAlchemyError):
                self._connection.rollback()
            problem = _database_error(where, error, self._source)
            if isinstance(error, DBAPIError) and _is_table_gone(error.orig):
                # A table is looked up before it is read: this is one that a query names.
                problem.changes = [{"change": "table_gone", "from": table.name}]
            raise problem from error
        except (ValueError, OverflowError) as error:
            # Drivers raise these for values that Python cannot hold, such as "infinity" as a date.
            raise SourceError(
                Words(
                    f"{where}: the driver cannot read a value: {one_line(error)}.",
                    f"{where}：驱动无法读取某个值：{one_line(error)}。",
                ),
                Words(
                    "Convert that column in a `query`, for example to text.",
                    "请在 query 中转换该列，例如转成文本。",
                ),
            ) from error


@dataclass(frozen=True)
class _Wanted:
    """What is to be read of a relation: columns by name, conditions, and the cursor."""

    columns: Columns
    names: list[str]
    conditions: Sequence[sa.ColumnElement[bool]] = ()
    cursor: sa.ColumnElement[Any] | None = None
    cursor_kind: str | None = None

    @property
    def kinds(self) -> dict[str, str | None]:
        """Landed type of each selected column; None where the values have to tell."""
        kinds = {name: self.columns.landed[name] for name in self.names}
        return kinds if self.cursor is None else {**kinds, CURSOR_COLUMN: self.cursor_kind}

    def statement(self, *, as_arrow: bool = False) -> sa.Select[Any]:
        chosen = self.columns.plain if as_arrow else self.columns.chosen
        selected = [chosen[name] for name in self.names]
        if self.cursor is not None:
            # ADBC gives an exact number as text only.
            is_exact = as_arrow and (self.cursor_kind or "").startswith("decimal(")
            cursor = sa.cast(self.cursor, sa.Text) if is_exact else self.cursor
            selected.append(cursor.label(CURSOR_COLUMN))
        return sa.select(*selected).select_from(self.columns.relation).where(*self.conditions)


class _Newest:
    """The greatest cursor seen."""

    def __init__(self) -> None:
        self.value: Any = None

    def see(self, values: Iterator[Any]) -> None:
        present = [value for value in values if value is not None]
        if self.value is not None:
            present.append(self.value)
        if present:
            try:
                self.value = max(present)
            except TypeError as error:
                kinds = sorted({type(value).__name__ for value in present})
                raise SourceError(
                    Words(
                        f"The cursor mixes kinds of values: {', '.join(kinds)}.",
                        f"游标列混有多种类型的值：{'、'.join(kinds)}。",
                    ),
                    Words(
                        "Convert it to one kind in a `query`, or load a snapshot.",
                        "请在 query 中统一类型，或改为 snapshot。",
                    ),
                ) from error


@contextlib.contextmanager
def open_source(source: SqlSource, load: Load | None = None) -> Iterator[SqlReader]:
    """Connect to the database of ``source``.

    Raises:
        SourceError: the URL, the driver, the server, the credentials or the file is wrong.
    """
    url = _url(source)
    options: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        path = Path(unquote(url.database or ""))
        if not path.is_file():
            # SQLite would make a new, empty database in its place.
            raise SourceError(
                Words(
                    f"{source.system}: no database file {path}.",
                    f"{source.system}：找不到数据库文件 {path}。",
                ),
                Words("Correct `url` in the sources file.", "请更正源文件中的 url。"),
            )
        uri = f"{path.resolve().as_uri()}?mode=ro"
        options["creator"] = lambda: sqlite3.connect(uri, uri=True, timeout=30)
    elif wait := _WAIT.get(url.get_backend_name()):
        options["connect_args"] = {wait: CONNECT_SECONDS}
    if url.get_backend_name() in _ONE_MOMENT:
        options["isolation_level"] = "REPEATABLE READ"
    try:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool, **options)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        extra = _EXTRAS.get(url.get_backend_name())
        raise SourceError(
            Words(
                f"{source.system}: no driver for {url.drivername}: {one_line(error)}.",
                f"{source.system}：没有 {url.drivername} 的驱动。",
            ),
            Words(
                f"Install it: pip install 'sales-migration-health[{extra}]'.",
                f"请安装：pip install 'sales-migration-health[{extra}]'。",
            )
            if extra
            else Words(
                "Install the driver, or write postgresql://, mysql://, sqlite:///, mssql://, "
                "oracle:// or dm://.",
                "请安装驱动，或使用 postgresql://、mysql://、sqlite:///、mssql://、oracle://、dm://。",
            ),
        ) from error
    if url.get_backend_name() in (*_ONE_MOMENT, "mssql"):
        _set_session(engine, source)
    try:
        connection = engine.connect()
    except (SQLAlchemyError, sqlite3.Error, RuntimeError, UnicodeError) as error:
        raise _database_error(source.system, error, source, is_connecting=True) from error
    arrow: ArrowReader | None = None
    if url.get_backend_name() == "postgresql":
        with contextlib.suppress(NotExact):
            arrow = ArrowReader(url, source.time_zone)
    try:
        yield SqlReader(source, engine, connection, load.window if load else None, arrow)
    finally:
        if arrow is not None:
            arrow.close()
        with contextlib.suppress(SQLAlchemyError):
            connection.close()
        engine.dispose()


def _set_session(engine: sa.Engine, source: SqlSource) -> None:
    """Let every connection show times in the zone of the source, and values without a loss."""

    @sa.event.listens_for(engine, "connect")
    def set_session(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            if engine.dialect.name == "postgresql":
                cursor.execute("set intervalstyle = 'postgres'")
                # While rows come as Arrow, this connection only keeps the moment that is read.
                cursor.execute(
                    "select set_config(name, '0', false) from pg_settings "
                    "where name = 'idle_in_transaction_session_timeout'"
                )
                cursor.execute("set timezone = %s", [source.time_zone])
                _keep_odd_times(connection)
            elif engine.dialect.name == "mssql":
                # The driver writes times as text, whose order of day and month is the login's.
                cursor.execute("set dateformat ymd")
            else:
                offset = datetime.now(ZoneInfo(source.time_zone)).strftime("%z")
                try:
                    # Names of zones are known only where the server's tables were filled.
                    cursor.execute("set time_zone = %s", [source.time_zone])
                except connection.Error:
                    cursor.execute("set time_zone = %s", [f"{offset[:3]}:{offset[3:]}"])
        connection.commit()


def _keep_odd_times(connection: Any) -> None:
    """Have times that Python cannot hold as text: psycopg2 takes "infinity" for 9999."""
    from psycopg2 import extensions

    def lenient(usual: Any) -> Any:
        def cast(value: str | None, cursor: Any) -> Any:
            if value is None or "infinity" in value or value.startswith("24:"):
                return value
            try:
                return usual(value, cursor)
            except (ValueError, OverflowError, connection.DataError):
                return value

        return cast

    for oid, name, usual in (
        (1082, "date", extensions.PYDATE),
        (1083, "time", extensions.PYTIME),
        (1114, "timestamp", extensions.PYDATETIME),
        (1184, "timestamptz", extensions.PYDATETIMETZ),
    ):
        kept = extensions.new_type((oid,), name, lenient(usual))
        extensions.register_type(kept, connection)


def _bounds(window: Window, saved: Any, where: str, zone: ZoneInfo) -> tuple[Any, Any]:
    """The window as values of the same kind as the saved cursor; times are meant in ``zone``."""
    sample = _from_saved(saved)

    def bound(text: str) -> Any:
        try:
            if isinstance(sample, datetime):
                value = datetime.fromisoformat(text)
                if sample.tzinfo is None:
                    return value.astimezone(zone).replace(tzinfo=None) if value.tzinfo else value
                return value if value.tzinfo else value.replace(tzinfo=zone)
            if isinstance(sample, date):
                return date.fromisoformat(text)
            if isinstance(sample, str):
                if _is_time(sample):
                    datetime.fromisoformat(text)
                return text
            return type(sample)(text)
        except (ValueError, ArithmeticError) as error:
            raise SourceError(
                Words(
                    f'{where}: "{text}" is no place of its cursor, which stands at {sample}.',
                    f"{where}：“{text}”不是其游标的取值；当前游标为 {sample}。",
                ),
                Words(
                    "Write --from and --to as the cursor is written.",
                    "请按游标的写法填写 --from 和 --to。",
                ),
            ) from error

    first, last = bound(window.first), bound(window.last)
    if not first < last:
        raise SourceError(
            Words(
                f"{where}: --from {window.first} is not before --to {window.last}.",
                f"{where}：--from {window.first} 不早于 --to {window.last}。",
            ),
            Words("Write the earlier of the two first.", "请先写较早的取值。"),
        )
    return first, last


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _url(source: SqlSource) -> sa.URL:
    text = source.url
    if source.url_env:
        text = secret(source.url_env)
        if not text:
            raise SourceError(
                Words(
                    f"{source.system}: the environment variable {source.url_env} is not set.",
                    f"{source.system}：环境变量 {source.url_env} 未设置。",
                ),
                Words(
                    f"Set {source.url_env} to the database's URL, such as "
                    "postgresql://user:password@host/database.",
                    f"请把 {source.url_env} 设为数据库 URL。",
                ),
            )
        remember(text)
    elif source.url_file:
        text = read_secret(source, "url")
    try:
        url = sa.make_url(text or "")
    except (ArgumentError, ValueError) as error:
        raise SourceError(
            Words(
                f"{source.system}: {_place_of_url(source)} holds no database URL.",
                f"{source.system}：{source.url_env or source.url_file or 'url'} 不是数据库 URL。",
            ),
            Words(
                "Write it as kind://user:password@host:port/database.",
                "请写成 kind://user:password@host:port/database。",
            ),
        ) from error
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _place_of_url(source: SqlSource) -> str:
    if source.url_env:
        return f"the variable {source.url_env}"
    return f"the file {source.url_file}" if source.url_file else "`url`"


def _secrets(source: SqlSource) -> list[str]:
    try:
        url = _url(source)
    except SourceError:
        return []
    secrets = [str(url.password)] if url.password else []
    if source.url_env and (text := secret(source.url_env)):
        secrets.append(text)
    return secrets


def _database_error(
    where: str, error: BaseException, source: SqlSource, *, is_connecting: bool = False
) -> SourceError:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = without_secrets(one_line(_readable(cause)), _secrets(source))
    key = _place_of_url(source)
    lowered = text.lower()
    if any(word in lowered for word in _REFUSED):
        remedy = Words(
            f"Correct user and password in {key}.",
            f"请更正 {source.url_env or source.url_file or 'url'} 中的用户名和密码。",
        )
        is_transient = False
    elif is_connecting:
        remedy = Words(
            f"Check that the server runs and that {key} names host, port and database.",
            f"请检查服务器是否运行，以及 {source.url_env or source.url_file or 'url'} "
            "的主机、端口和数据库名。",
        )
        is_transient = True
    else:
        remedy = Words(
            "Check table, columns, query and the user's rights in the sources file.",
            "请检查源文件中的表、列、查询以及用户权限。",
        )
        is_transient = isinstance(error, DBAPIError) and error.connection_invalidated
    return SourceError(
        Words(f"{where}: the database says: {text}", f"{where}：数据库返回：{text}"),
        remedy,
        is_transient=is_transient,
    )


def _is_table_gone(error: BaseException | None) -> bool:
    """Whether a database says that it has no such table, in its own way."""
    number = error.args[0] if error and error.args else None
    if isinstance(number, tuple):
        number = number[0]
    return (
        getattr(error, "pgcode", None) == "42P01"
        or number in (1146, 208)  # MySQL and MariaDB; SQL Server
        or any(told in str(error) for told in ("no such table", "ORA-00942", "-2106"))
    )


def _told_cut(columns: Sequence[str]) -> Words:
    names = ", ".join(columns)
    return Words(
        f'Of times of {names}, digits behind the microsecond are cut, as `finer_times = "cut"` '
        "says. To keep them, convert the column to text in a `query`.",
        f'按 finer_times = "cut"，{names} 的时间截去微秒以后的位数。'
        "如需保留，请在 query 中转成文本。",
    )


def _readable(error: BaseException) -> BaseException:
    """``error`` with its text as text: pymssql raises its number and the bytes of it."""
    parts = error.args[0] if error.args and isinstance(error.args[0], tuple) else error.args
    said = [part.decode("utf-8", "replace") for part in parts if isinstance(part, bytes)]
    return RuntimeError(said[0]) if said else error


def _no_column(where: str, role: str, name: str, present: list[str]) -> SourceError:
    return SourceError(
        Words(
            f'{where}: `{role}` names the column "{name}", which is not there.',
            f"{where}：{role} 指定的列“{name}”不存在。",
        ),
        Words(
            f"Name one of: {', '.join(present)}.",
            f"可用的列：{'、'.join(present)}。",
        ),
    )


def _plain(value: Any) -> Any:
    """Values of drivers as plain Python values."""
    if value is None or isinstance(
        value, str | int | float | Decimal | datetime | date | time | bytes | dict | list
    ):
        return value
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, timedelta):
        return value
    if isinstance(value, uuid.UUID):
        return str(value)
    return str(value)


def _to_saved(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"kind": "timestamp", "value": value.isoformat()}
    if isinstance(value, date):
        return {"kind": "date", "value": value.isoformat()}
    if isinstance(value, bool | bytes):
        raise SourceError(
            Words("The cursor is no time, number or text.", "游标列不是时间、数值或文本。"),
            Words("Choose another `cursor` column.", "请选择其他 cursor 列。"),
        )
    if isinstance(value, int):
        return {"kind": "integer", "value": str(value)}
    if isinstance(value, float | Decimal):
        return {"kind": "decimal", "value": str(value)}
    return {"kind": "text", "value": str(value)}


def _from_saved(saved: Mapping[str, str]) -> Any:
    convert: dict[str, Any] = {
        "timestamp": datetime.fromisoformat,
        "date": date.fromisoformat,
        "integer": int,
        "decimal": Decimal,
        "text": str,
    }
    return convert[saved["kind"]](saved["value"])


def _lower_bound(saved: Mapping[str, str], table: SqlTable) -> Any:
    """Where the next load starts: behind the cursor by the overlap.

    A row may be committed after one with a later time, and after one with a higher number.
    """
    value = _from_saved(saved)
    overlap = timedelta(seconds=table.overlap_seconds)
    if isinstance(value, int | Decimal):
        return value - table.overlap_numbers
    if isinstance(value, datetime):
        return value - overlap
    if isinstance(value, date):
        return value - timedelta(days=-(-table.overlap_seconds // 86_400))
    if isinstance(value, str):
        return _earlier_text(value, overlap)
    return value


def _earlier_text(text: str, overlap: timedelta) -> str:
    """An ISO time as text, earlier by ``overlap``, in the same spelling; else the text itself."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if len(text) == 10:
        days = timedelta(days=-(-int(overlap.total_seconds()) // 86_400))
        return (moment - days).date().isoformat()
    return _spelled_as(text, moment - overlap)


def _spelled_as(text: str, moment: datetime) -> str:
    """``moment`` in the spelling of the ISO time ``text``, cut short where that sorts earlier."""
    if len(text) == 10:
        return moment.date().isoformat()
    earlier = moment.isoformat(sep=text[10])
    if "." in text or len(text) == 19:
        # A bound cut short sorts before the times that it stands for.
        return earlier[:19]
    return earlier.replace("+00:00", "Z") if text.endswith("Z") else earlier


__all__ = ["SqlReader", "open_source"]
