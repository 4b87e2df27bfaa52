"""Random histories of a PostgreSQL database, and loads of it that are killed on their way.

One run drives several tables side by side, each with a history of its own: rows are inserted,
changed and deleted, in transactions that commit at once or late, by writers whose clocks differ.
Loads happen in between, some of them killed. In the end every transaction is committed, one load
is left alone, and what has landed has to equal the source.

The clock of the writers is the run's own, in whole seconds, so that many rows have equal times.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg2
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class

from dagster_project.connectors import lake
from dagster_project.connectors.lake import Lake
from dagster_project.connectors.sql_database.reader import SqlReader
from tests.unit.connectors.loading import Installation

START = datetime.fromisoformat("2025-01-01 12:00:00")
KEYS = 5
# A transaction commits at most LATENESS after its begin, and clocks differ by at most SKEW: a row
# is then at most LATENESS + 2 * SKEW behind the newest one that is visible before it.
LATENESS = 60
SKEW = 30
OVERLAP = LATENESS + 2 * SKEW
OVERLAP_NUMBERS = 20

CREATE = (
    "create table {name} (id bigint, name text, amount numeric(12, 2), "
    "create_date timestamp, write_date timestamp, version bigint, gone boolean)"
)


@dataclass(frozen=True)
class Shape:
    """How one table is read. ``settings`` are lines of the sources file.

    Rows of a table that ``loses_rows`` are deleted at the source, too.
    """

    name: str
    settings: str
    is_keyed: bool = True
    is_snapshot: bool = False
    flags: bool = False
    keeps_history: bool = False
    loses_rows: bool = True


_BY_TIME = 'load = "incremental"\ncursor = ["write_date", "create_date"]\n'
_OVERLAPS = "overlap_seconds = {overlap}\noverlap_numbers = {overlap_numbers}\n"
# So few rows may all be deleted at once; that is no reason to hold a load back here.
_KEY = 'primary_key = "id"\nshrink_ratio = 0\n'
SHAPES = [
    Shape("by_time", _BY_TIME + _KEY + _OVERLAPS),
    Shape("by_one_time", 'load = "incremental"\ncursor = "write_date"\n' + _KEY + _OVERLAPS),
    Shape("by_number", 'load = "incremental"\ncursor = "version"\n' + _KEY + _OVERLAPS),
    Shape(
        "by_flag",
        _BY_TIME + _KEY + _OVERLAPS + 'deletes = "flag"\ndeleted_flag = "gone"\n',
        flags=True,
    ),
    Shape(
        "by_history",
        _BY_TIME
        + _KEY
        + _OVERLAPS
        + 'deletes = "history"\n'
        + 'deleted_query = "select id from by_history__history where is_delete"\n',
        keeps_history=True,
    ),
    Shape("no_key", _BY_TIME + _OVERLAPS, is_keyed=False),
    Shape("copy", _KEY, is_snapshot=True),
    Shape("copy_no_key", "shrink_ratio = 0\n", is_keyed=False, is_snapshot=True),
]

# Without a comparison of keys, nothing but the overlap brings a row that was committed late.
BY_OVERLAP_ALONE = [
    replace(shape, settings=shape.settings + 'deletes = "none"\n', loses_rows=False)
    for shape in SHAPES
    if shape.name in ("by_time", "by_one_time", "by_number", "no_key")
]

PLACES = [
    "in reading",
    "before packing",
    "while packing",
    "after packing",
    "before landing",
    "after landing",
    "before the state",
    "after the state",
]


class KilledError(BaseException):
    """Stands for the end of the process: nothing catches it."""


@dataclass(frozen=True)
class Action:
    """One statement: insert, update, empty (the times become NULL) or delete of row ``key``.

    ``commit_after`` seconds pass before it is committed, with the clock ``skew`` seconds off.
    """

    kind: str
    key: int
    value: int
    commit_after: int
    skew: int


@dataclass(frozen=True)
class Round:
    """Actions of each table, then ``pause`` seconds, then perhaps a load, perhaps killed."""

    actions: list[list[Action]]
    pause: int
    load: str | None


_actions = st.builds(
    Action,
    kind=st.sampled_from(["insert", "insert", "update", "update", "delete", "empty"]),
    key=st.integers(1, KEYS),
    value=st.integers(0, 2),
    commit_after=st.sampled_from([0, 0, 0, 1, 20, LATENESS]),
    skew=st.sampled_from([0, 0, 0, -SKEW, -1, 1, SKEW]),
)
rounds = st.lists(
    st.builds(
        Round,
        actions=st.lists(
            st.lists(_actions, max_size=3), min_size=len(SHAPES), max_size=len(SHAPES)
        ),
        pause=st.sampled_from([0, 1, 19, 20, 41, LATENESS, OVERLAP, 600]),
        load=st.sampled_from([None, "whole", "whole", *PLACES]),
    ),
    min_size=2,
    max_size=6,
)


@dataclass
class _Late:
    """A transaction that is open: since when, until when, and the keys that it has locked."""

    connection: Connection
    begin: int
    until: int
    keys: set[int] = field(default_factory=set)


class World:
    """The database, and an installation that loads from it."""

    def __init__(
        self,
        url: str,
        *,
        overlap: int,
        overlap_numbers: int,
        shapes: Sequence[Shape] = SHAPES,
    ) -> None:
        self._shapes = shapes
        self._overlaps = {"overlap": overlap, "overlap_numbers": overlap_numbers}
        self._now = psycopg2.connect(url)
        self._now.autocommit = True
        self._spare = [psycopg2.connect(url) for _ in shapes]
        for shape in self._shapes:
            self._execute(f"drop table if exists {shape.name}, {shape.name}__history")
            self._execute(CREATE.format(name=shape.name))
            if shape.is_keyed:
                self._execute(f"alter table {shape.name} add primary key (id)")
            if shape.keeps_history:
                self._execute(f"create table {shape.name}__history (id bigint, is_delete boolean)")

    def close(self) -> None:
        for connection in [self._now, *self._spare]:
            connection.close()

    def run(self, history: list[Round]) -> None:
        """Play ``history`` and compare.

        Raises:
            AssertionError: a table's landed rows are not those of the source.
        """
        tables = [shape.name for shape in self._shapes]
        tables += [f"{shape.name}__history" for shape in self._shapes if shape.keeps_history]
        self._execute(f"truncate {', '.join(tables)}")
        self._clock = 0
        # Per table: a number may be committed as many numbers late as rounds have actions.
        self._versions: Counter[str] = Counter()
        self._late: dict[int, _Late] = {}
        with tempfile.TemporaryDirectory(prefix="smh-history-") as name:
            shop = Installation(Path(name))
            shop.sources(self._sources())
            try:
                for one in history:
                    self._play(one, shop)
                for index in list(self._late):
                    self._commit(index)
                receipts = shop.load()
            finally:
                for late in self._late.values():
                    late.connection.rollback()
                    self._spare.append(late.connection)
            told = {name: r.message_en for name, r in receipts.items() if not r.is_good}
            assert not told, told
            for shape in self._shapes:
                self._compare(shape, shop)

    def _sources(self) -> str:
        text = '[[source]]\nsystem = "shop"\nkind = "sql"\nurl_env = "SHOP_URL"\n'
        for shape in self._shapes:
            text += f'[[source.table]]\nname = "{shape.name}"\n'
            text += shape.settings.format(**self._overlaps)
        return text

    def _execute(self, statement: str, *values: Any) -> None:
        with self._now.cursor() as cursor:
            cursor.execute(statement, values)

    def _play(self, one: Round, shop: Installation) -> None:
        for index, actions in enumerate(one.actions[: len(self._shapes)]):
            for action in actions:
                self._act(index, action)
        self._clock += one.pause
        for index in [i for i, late in self._late.items() if late.until <= self._clock]:
            self._commit(index)
        if one.load == "whole":
            shop.load()
        elif one.load:
            with killed(one.load), contextlib.suppress(KilledError):
                shop.load()

    def _commit(self, index: int) -> None:
        late = self._late.pop(index)
        late.connection.commit()
        self._spare.append(late.connection)

    def _act(self, index: int, action: Action) -> None:
        shape = self._shapes[index]
        late = self._late.get(index)
        if late is not None and action.key in late.keys:
            return  # the row is locked until that transaction ends
        connection = self._now
        moment = self._clock
        if action.commit_after:
            if late is None:
                until = self._clock + action.commit_after
                late = self._late[index] = _Late(self._spare.pop(), self._clock, until)
            # Rows of a transaction have the time at which it began, not that of the statement.
            moment = late.begin
            connection = late.connection
            late.keys.add(action.key)
        with connection.cursor() as cursor:
            self._statement(cursor, shape, action, START + timedelta(seconds=moment + action.skew))

    def _statement(self, cursor: Any, shape: Shape, action: Action, moment: datetime) -> None:
        name, key = shape.name, action.key
        content = [f"客户 {action.value}", action.value]
        self._versions[name] += 1
        version = self._versions[name]
        is_there = False
        if shape.is_keyed or shape.is_snapshot:
            cursor.execute(f"select 1 from {name} where id = %s", [key])
            is_there = cursor.fetchone() is not None
        if action.kind == "insert" and not (is_there and shape.is_keyed):
            cursor.execute(
                f"insert into {name} values (%s, %s, %s, %s, null, %s, false)",
                [key, *content, moment, version],
            )
        elif not (shape.is_keyed or shape.is_snapshot):
            return  # rows without a key can only be added
        elif action.kind == "delete" and not shape.loses_rows:
            return
        elif action.kind in ("insert", "update"):
            cursor.execute(
                f"update {name} set name = %s, amount = %s, write_date = %s, version = %s "
                "where id = %s",
                [*content, moment, version, key],
            )
        elif action.kind == "empty":
            cursor.execute(
                f"update {name} set create_date = null, write_date = null, version = null "
                "where id = %s",
                [key],
            )
        elif shape.flags:
            cursor.execute(
                f"update {name} set gone = true, write_date = %s where id = %s", [moment, key]
            )
        elif is_there:
            cursor.execute(f"delete from {name} where id = %s", [key])
            if shape.keeps_history:
                cursor.execute(f"insert into {name}__history values (%s, true)", [key])

    def _compare(self, shape: Shape, shop: Installation) -> None:
        columns = "id, name, amount, create_date, write_date, version, gone"
        with self._now.cursor() as cursor:
            where = "where not gone" if shape.flags else ""
            cursor.execute(f"select {columns} from {shape.name} {where}")
            expected = Counter(cursor.fetchall())
        if not list((shop.settings.raw / "shop" / shape.name).glob("*.parquet")):
            found: Counter[tuple[Any, ...]] = Counter()
        elif shape.is_keyed:
            found = Counter(shop.current(shape.name, "id", columns))
        elif shape.is_snapshot:
            found = Counter(
                shop.query(
                    f"select {columns} from {{shop.{shape.name}}} where not _is_deleted and "
                    f"_load_id = (select max(_load_id) from {{shop.{shape.name}}})"
                )
            )
        else:
            found = Counter(shop.rows(shape.name, columns))
        assert found == expected, (
            f"{shape.name}: not landed {expected - found}, landed but not there {found - expected}"
        )


def _dies(original: Callable[..., Any], when: Callable[..., bool], *, after: bool) -> Any:
    def call(*args: Any, **options: Any) -> Any:
        if not when(*args):
            return original(*args, **options)
        if after:
            original(*args, **options)
        raise KilledError

    return call


@contextlib.contextmanager
def killed(place: str) -> Iterator[None]:
    """Let a load die at ``place``, one of :data:`PLACES`; it goes on where it does not come by."""

    def patch(owner: Any, name: str, when: Callable[..., bool], *, after: bool = False) -> Any:
        original = getattr(owner, name)
        return mock.patch.object(owner, name, _dies(original, when, after=after))

    def always(*_: Any) -> bool:
        return True

    patches = {
        "in reading": lambda: patch(
            SqlReader, "extract", lambda _, table, *__: table.name == "by_number", after=True
        ),
        "before packing": lambda: patch(Lake, "_pack", always),
        "while packing": lambda: patch(lake, "_write_text", lambda p, _: p.name == "intent.json"),
        "after packing": lambda: patch(
            lake, "_write_text", lambda p, _: p.name == "intent.json", after=True
        ),
        "before landing": lambda: patch(Lake, "_finish", always),
        "after landing": lambda: patch(
            Path, "replace", lambda _, target: "ops" in Path(target).parts
        ),
        "before the state": lambda: patch(lake, "_write_text", lambda p, _: p.name == "state.json"),
        "after the state": lambda: patch(
            lake, "_write_text", lambda p, _: p.name == "state.json", after=True
        ),
    }
    with patches[place]():
        yield
