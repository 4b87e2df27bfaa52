"""Load the tables of one source: read, check, land, and leave a receipt for each."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import traceback
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dagster_project.connectors import duck, privacy
from dagster_project.connectors.access_log.settings import AccessLogTable
from dagster_project.connectors.extract import Extract, changed_type, set_apart_new_columns
from dagster_project.connectors.kinds import KeyReader, Load, Reader, Window, kind_of
from dagster_project.connectors.lake import Lake, Landing, SystemState
from dagster_project.connectors.prepare import Guard, Preparation, Prepared
from dagster_project.connectors.problems import (
    SourceError,
    Words,
    disk_full,
    is_disk_full,
    one_line,
)
from dagster_project.connectors.receipts import (
    Receipt,
    ensure_operations,
    quarantined_table,
    read_tables,
    receipts_table,
    schema_changes_table,
    truncate_raw_text,
    write_parquet,
    write_tables,
)
from dagster_project.connectors.retention import Removal, Retention, first_kept, removed_table
from dagster_project.connectors.secrets import masked, masked_receipt, masked_reject
from dagster_project.connectors.source_models import Source, Table
from dagster_project.connectors.sources_file import as_of_date
from dagster_project.settings import Settings, utc_now

log = logging.getLogger("dagster_project.connectors")


@dataclass
class _Outcome:
    """What one table adds to the load."""

    receipt: Receipt
    landing: Landing | None = None
    state: dict[str, Any] | None = None
    moves: dict[Path, Path] = field(default_factory=dict)
    quarantined: Path | None = None
    removal: Removal | None = None


@dataclass(frozen=True)
class _Again:
    """Why a table is read whole, and the calls that were spent before its first reading."""

    why: Words
    spent: tuple[int, ...]


def load_source(
    source: Source,
    settings: Settings,
    *,
    tables: Collection[str] | None = None,
    accept_shrink: bool = False,
    confirm: bool = False,
    full: bool = False,
    window: Window | None = None,
    dry_run: bool = False,
) -> list[Receipt]:
    """Load tables of ``source``, all or those named, in one dlt package.

    A problem of the source or its data never raises: the table's receipt has the status ``failed``
    or ``held_back``, with message and remedy in both languages, and the other tables are loaded.

    Args:
        accept_shrink: land a table although it is much smaller than it was.
        confirm: land a table although it is much smaller than it was, unless it is much smaller
            than when it was held back.
        full: read everything again, also what is behind the cursor or in unchanged files.
        window: read rows of this span again, of incremental tables; cursors stay where they are
            and no row counts as deleted.
        dry_run: read and compare as ever, and land nothing: no row, no receipt, no state.

    Returns:
        One receipt per table, in the order of the sources file.

    Raises:
        KeyError: ``tables`` names a table that the source does not have.
    """
    by_name = {table.name: table for table in source.tables}
    selected = [by_name[name] for name in tables] if tables is not None else list(source.tables)
    selected.sort(key=lambda table: list(by_name).index(table.name))
    lake = Lake(settings, source.system)
    started_at = utc_now()
    try:
        ensure_operations(settings)
        with lake.locked() as state:
            load_id = lake.next_load_id(state, started_at)
            run = _Run(
                source,
                settings,
                lake,
                state,
                load_id,
                accept_shrink,
                confirm,
                full,
                window,
                dry_run,
            )
            return run.load(selected)
    except SourceError as error:
        # Only the lock: nothing of this load has begun.
        problem = error
    except Exception as error:
        if not is_disk_full(error):
            raise
        # What was packed is landed, or forgotten and read again, by the next load.
        problem = disk_full(settings.home, error)
    load_id = lake.next_load_id(SystemState(), started_at)
    receipts = [_failed(source, table, load_id, started_at, problem) for table in selected]
    if dry_run:
        return receipts
    name = f"{load_id}-{source.system}.parquet"
    try:
        write_parquet(receipts_table(receipts), settings.operations / "receipts" / name)
    except OSError as error:
        if not is_disk_full(error):
            raise
    return receipts


class _Run:
    def __init__(
        self,
        source: Source,
        settings: Settings,
        lake: Lake,
        state: SystemState,
        load_id: str,
        accept_shrink: bool,
        confirm: bool,
        full: bool,
        window: Window | None,
        dry_run: bool,
    ) -> None:
        self._source = source
        self._settings = settings
        self._lake = lake
        self._state = state
        self._load_id = load_id
        self._accept_shrink = accept_shrink
        self._confirm = confirm
        self._full = full or window is not None
        self._window = window
        self._dry_run = dry_run

    def load(self, tables: list[Table]) -> list[Receipt]:
        outcomes: list[_Outcome] = []
        listed = Removal()
        with contextlib.ExitStack() as stack:
            reader: Reader | None = None
            problem: SourceError | None = None
            try:
                as_of = as_of_date(self._settings, utc_now())
                load = Load(self._load_id, utc_now(), as_of, self._settings, self._window)
                reader = stack.enter_context(kind_of(self._source).open(self._source, load))
            except SourceError as error:
                problem = error
            except Exception as error:
                problem = _unexpected(self._source.system, error)
            for table in tables:
                started_at = utc_now()
                try:
                    if problem or reader is None:
                        raise problem or AssertionError("a source without reader or problem")
                    outcome = self._load_table(reader, table, started_at)
                except SourceError as error:
                    outcome = self._refused(table, started_at, error)
                except Exception as error:
                    problem_of_table = _unexpected(f"{self._source.system}.{table.name}", error)
                    outcome = _Outcome(
                        _failed(self._source, table, self._load_id, started_at, problem_of_table)
                    )
                if not self._dry_run:
                    self._retire(table, outcome, listed)
                outcome.receipt = masked_receipt(outcome.receipt, self._source)
                outcomes.append(outcome)
                receipt = outcome.receipt
                log.info(
                    "%s.%s: %s, %d rows received, %d loaded, %d rejected",
                    receipt.system,
                    receipt.table_name,
                    receipt.status,
                    receipt.rows_received,
                    receipt.rows_loaded,
                    receipt.rows_rejected,
                )
        if not self._dry_run:
            self._commit(outcomes, listed)
        return [outcome.receipt for outcome in outcomes]

    def _retire(self, table: Table, outcome: _Outcome, listed: Removal) -> None:
        """Remove what is older than the table may keep, also where its source cannot be read.

        ``listed`` takes the files of quarantined rows that all tables share.
        """
        days = getattr(table, "retention_days", None)
        if not days:
            return
        kept_from = first_kept(as_of_date(self._settings, utc_now()), days)
        column: str | None = getattr(table, "time_column", None)
        state = self._state.tables.get(table.name, {})
        removal = outcome.removal = Removal()
        texts_before = listed.texts
        with duck.connect(self._lake.work) as connection:
            retention = Retention(connection, self._lake.work, table.name, kept_from)
            if outcome.landing:
                retention.of_new_rows(outcome.landing.files, column, removal)
            if state.get("kept_from") != kept_from.isoformat():
                retention.of_lake(self._lake.rows_files(table.name), column, removal)
                folder = self._settings.quarantine / self._source.system / table.name
                retention.of_quarantine(folder, removal)
                retention.of_listed_quarantine(
                    self._listed_quarantine(), self._source.system, listed
                )
        if outcome.state is not None:
            outcome.state["kept_from"] = kept_from.isoformat()
        texts = listed.texts - texts_before
        if not removal.rows and not texts:
            return
        first_day = kept_from.date().isoformat()
        told = Words(
            f"{removal.rows} rows older than {first_day} were removed, and the text of {texts} "
            f"quarantined rows (retention_days = {days}).",
            f"已删除 {first_day} 之前的 {removal.rows} 行，以及 {texts} 条隔离行的文本"
            f"（retention_days = {days}）。",
        )
        receipt = outcome.receipt
        outcome.receipt = receipt.model_copy(
            update={
                "rows_deleted": receipt.rows_deleted + removal.rows,
                "status": "loaded" if receipt.status == "unchanged" else receipt.status,
                "message_en": f"{receipt.message_en} {told.en}".strip(),
                "message_zh": receipt.message_zh + told.zh,
            }
        )

    def _commit(self, outcomes: list[_Outcome], listed: Removal) -> None:
        work, operations = self._lake.work, self._settings.operations
        file_name = f"{self._load_id}-{self._source.system}.parquet"
        moves: dict[Path, Path] = {}
        write_parquet(receipts_table(o.receipt for o in outcomes), work / "receipts.parquet")
        quarantined = [o.quarantined for o in outcomes if o.quarantined is not None]
        if quarantined:
            rows = (truncate_raw_text(table) for table in read_tables(quarantined))
            write_tables(rows, work / "quarantined_rows.parquet")
            moves[work / "quarantined_rows.parquet"] = operations / "quarantined_rows" / file_name
        moves.update(listed.moves)
        removed = {o.receipt.table_name: o.removal for o in outcomes if o.removal}
        if any(removal.days for removal in removed.values()):
            rows = removed_table(self._source.system, self._load_id, removed, utc_now())
            write_parquet(rows, work / "removed_rows.parquet")
            moves[work / "removed_rows.parquet"] = operations / "removed_rows" / file_name
        structure = schema_changes_table(outcome.receipt for outcome in outcomes)
        if structure.num_rows:
            write_parquet(structure, work / "schema_changes.parquet")
            moves[work / "schema_changes.parquet"] = operations / "schema_changes" / file_name
        for outcome in outcomes:
            moves.update(outcome.moves)
            moves.update(outcome.removal.moves if outcome.removal else {})
            if outcome.state is not None:
                self._state.tables[outcome.receipt.table_name] = outcome.state
        # Last, so that a receipt is never seen before what it tells of.
        moves[work / "receipts.parquet"] = operations / "receipts" / file_name
        self._state.last_load_id = self._load_id
        landings = [o.landing for o in outcomes if o.landing]
        deleted = [path for removal in removed.values() for path in removal.deleted]
        self._lake.commit(self._state, landings, moves, deleted)

    def _load_table(
        self, reader: Reader, table: Table, started_at: datetime, *, again: _Again | None = None
    ) -> _Outcome:
        """Load one table. ``again`` says why it is read whole after its increment was read."""
        spent = again.spent if again else _spent(reader)
        state = self._table_state(table)
        full = self._full or again is not None
        if _settings_of(state.get("signature", _signature(table))) != _settings_of(
            _signature(table)
        ):
            # Cursor and known rows belong to the old settings; columns and files do not.
            full = True
            state = _without(state, "cursor", "known_rows", "content", "absent")
        if self._window:
            self._check_window(reader, table, state)
        notes: list[Words] = []
        if not self._dry_run:
            state, notes = self._anonymise_landed(table, state)
        extract = reader.extract(table, state, self._lake.work, full=full)
        extract.notes += notes
        shortened = privacy.shortened(table, extract.columns)
        if not isinstance(table, AccessLogTable):
            # Lines of logs come with their addresses shortened.
            privacy.shorten_extract(extract, shortened, f"{self._source.system}.{table.name}")
        changes, columns = self._check_columns(table, state, extract)
        unread = [] if full else self._unread_columns(table, state, extract)
        if unread:
            return self._load_table(
                reader, table, started_at, again=_Again(_with_columns(unread), spent)
            )
        prepared = self._prepare(table, state, extract, reader, full)
        if prepared.rows_lost:
            words = _lost(prepared.rows_lost)
            return self._load_table(reader, table, started_at, again=_Again(words, spent))
        if again:
            extract.notes.append(again.why)
        if spent:
            # Also those of a first reading, and of the keys.
            extract.count_calls, extract.count_retries = (
                now - before for now, before in zip(_spent(reader), spent, strict=True)
            )
        rejected = [*extract.rejected, *prepared.rejected]
        if shortened:
            rejected = privacy.shorten_rejected(rejected)
        count_rejected = len(rejected) + extract.count_refused
        outcome = _Outcome(self._receipt(table, started_at, state, extract, prepared, changes))
        if prepared.held_back is None:
            outcome.state = self._new_state(table, state, extract, prepared, columns)
            if prepared.known_rows:
                kept = self._lake.known_rows_file(table.name, self._load_id)
                outcome.moves[prepared.known_rows] = kept
            if prepared.absent:
                kept = self._lake.absent_keys_file(table.name, self._load_id)
                outcome.moves[prepared.absent] = kept
            if prepared.files:
                outcome.landing = Landing(table.name, prepared.files)
        else:
            before = self._state.tables.get(table.name, {})
            outcome.state = {**before, "held_back": prepared.count_seen}
        if count_rejected:
            # Also of a load that is held back: they may be why it is too small.
            told = [masked_reject(row) for row in rejected]
            rows = quarantined_table(
                self._source.system, table.name, self._load_id, told, utc_now()
            )
            file = self._lake.work / f"{table.name}.quarantine.parquet"
            write_tables(itertools.chain(read_tables(extract.refused_parquet), [rows]), file)
            folder = self._settings.quarantine / self._source.system / table.name
            outcome.moves[file] = folder / f"{self._load_id}.parquet"
            outcome.quarantined = file
            outcome.receipt = outcome.receipt.model_copy(
                update={"rejected_reasons": _reasons(file)}
            )
        return outcome

    def _check_window(self, reader: Reader, table: Table, state: Mapping[str, Any]) -> None:
        where = f"{self._source.system}.{table.name}"
        again = Words(
            f"Read it again whole: resync --system {self._source.system} --table {table.name}",
            f"请整表重读：resync --system {self._source.system} --table {table.name}",
        )
        if table.load != "incremental" or not getattr(reader, "reads_windows", False):
            raise SourceError(
                Words(
                    f"{where}: this table is not read by a cursor that can be bounded.",
                    f"{where}：该表没有可限定范围的游标。",
                ),
                again,
            )
        if not state.get("cursor"):
            raise SourceError(
                Words(
                    f"{where}: nothing has been loaded yet, so there is nothing to fill.",
                    f"{where}：尚未加载过，无需回填。",
                ),
                again,
            )

    def _anonymise_landed(
        self, table: Table, state: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], list[Words]]:
        """Shorten the addresses of earlier loads, where that was switched on since."""
        columns = privacy.shortened(table, state.get("columns", {}))
        wanted = sorted(columns)
        if not state or wanted == state.get("anonymised", []):
            return state, []
        notes: list[Words] = []
        if wanted:
            system = self._source.system
            count = privacy.shorten_landed(self._lake.rows_files(table.name), columns)
            notes = [
                Words(
                    f"Addresses in {count} files of earlier loads were shortened.",
                    f"已缩短此前加载的 {count} 个文件中的地址。",
                )
            ]
            full = (self._settings.quarantine / system / table.name).glob("*.parquet")
            for files in (full, self._listed_quarantine()):
                privacy.shorten_quarantined(files, system, table.name)
        # What is remembered of rows was that of other texts.
        kept = state if table.load == "snapshot" else _without(state, "known_rows", "hashed_by")
        return {**kept, "anonymised": wanted}, notes

    def _listed_quarantine(self) -> Iterator[Path]:
        """Files of this system's quarantined rows as the pages list them."""
        folder = self._settings.operations / "quarantined_rows"
        return folder.glob(f"*-{self._source.system}.parquet")

    def _table_state(self, table: Table) -> Mapping[str, Any]:
        state = self._state.tables.get(table.name, {})
        if state.get("has_landed") and not self._lake.has_rows(table.name):
            log.warning(
                "%s.%s: its landed files were removed; it is loaded from the start",
                self._source.system,
                table.name,
            )
            return {}
        return state

    def _check_columns(
        self, table: Table, state: Mapping[str, Any], extract: Extract
    ) -> tuple[list[dict[str, str]], dict[str, str]]:
        """Compare with the columns landed so far; types are frozen, columns may be added.

        Each change is told once, by the first load that sees it.
        """
        known: Mapping[str, str] = state.get("columns", {})
        where = f"{self._source.system}.{table.name}"
        policy = self._source.drift_of(table)
        for name, kind in extract.columns.items():
            if name in known and known[name] != kind:
                raise changed_type(where, name, known[name], kind)
        reported = set(state.get("missing_columns", []))
        told_types: Mapping[str, str] = state.get("type_changes", {})
        added = [name for name in extract.columns if name not in known] if known else []
        missing = sorted(extract.missing_columns - reported)
        returned = sorted(reported & set(extract.columns))
        changes = [{"column": n, "change": "added", "to": extract.columns[n]} for n in added]
        changes += [{"column": n, "change": "missing", "from": known[n]} for n in missing]
        changes += [{"column": n, "change": "returned", "to": known[n]} for n in returned]
        changes += [
            {"column": name, "change": "type", "from": before, "to": now}
            for name, (before, now) in extract.type_changes.items()
            if told_types.get(name) != now
        ]
        changes = [{**change, "policy": policy} for change in changes]
        types = [change for change in changes if change["change"] == "type"]
        if policy == "freeze" and (added or missing or types):
            raise _frozen(where, changes)
        if policy == "quarantine" and missing:
            raise _frozen(where, changes)
        if policy == "quarantine" and added:
            set_apart_new_columns(extract, added, self._lake.work)
            if extract.described is not None:
                extract.described = sorted(set(extract.described) - set(added))
            apart = {r.source_file for r in extract.rejected if r.reason_code == "new_column"}
            if apart:
                # Once the columns are agreed to, the next load reads these rows again.
                extract.state["cursor"] = state.get("cursor")
                extract.known_from = None
                versions = extract.state.get("files", {})
                for path, version in versions.items():
                    if version.get("name", path) in apart:
                        kept = {"name": version["name"]} if "name" in version else {}
                        versions[path] = {**dict.fromkeys(version), **kept}
        is_back = any(c["change"].startswith("table_") for c in state.get("told", []))
        if is_back:
            changes.insert(0, {"change": "table_back", "policy": policy})
        return changes, {**known, **extract.columns}

    def _unread_columns(
        self, table: Table, state: Mapping[str, Any], extract: Extract
    ) -> list[str]:
        """New columns in which rows that have landed may hold values, without a newer cursor.

        Rows without a key cannot take the place of those that have landed.
        """
        known: Mapping[str, str] = state.get("columns", {})
        is_read_on = table.load == "incremental" and table.primary_key and known
        if extract.described is None or not is_read_on:
            return []
        return sorted(set(extract.described) - set(state.get("described", known)))

    def _refused(self, table: Table, started_at: datetime, problem: SourceError) -> _Outcome:
        """A table that could not be loaded; why its structure is refused is logged once."""
        state = self._state.tables.get(table.name, {})
        changes = problem.changes if state.get("has_landed") else []
        is_told = changes == state.get("told", [])
        receipt = _failed(self._source, table, self._load_id, started_at, problem)
        if not changes or is_told:
            return _Outcome(receipt)
        policy = self._source.drift_of(table)
        logged = [{"policy": policy, **change} for change in changes]
        told = json.dumps(logged, ensure_ascii=False)
        receipt = receipt.model_copy(update={"schema_changes": told})
        return _Outcome(receipt, state={**state, "told": changes})

    def _prepare(
        self,
        table: Table,
        state: Mapping[str, Any],
        extract: Extract,
        reader: Reader,
        full: bool,
    ) -> Prepared:
        if extract.is_unchanged:
            return Prepared(rows_present=state.get("rows"))
        if not extract.columns and not extract.parquet:
            # A file without even a header: no columns are known yet, so there is nothing to land.
            extract.columns.update(state.get("columns", {}))
        for name in table.primary_key:
            if extract.columns and name not in extract.columns:
                raise _no_key(f"{self._source.system}.{table.name}", name, list(extract.columns))
        with duck.connect(self._lake.work) as connection:
            preparation = Preparation(
                connection, self._lake, table, state, extract, self._load_id, utc_now()
            )
            if not extract.columns:
                return Prepared(rows_present=0)
            if self._source.kind == "access_log":
                return preparation.lines()
            if table.load == "snapshot":
                return preparation.snapshot(guard=self._guard(state), full=full)
            if table.load == "append":
                return preparation.append()
            prepared = preparation.increment(full=full)
            if table.primary_key and not self._window:
                self._find_deleted(preparation, prepared, extract, reader, table, state, full)
                if prepared.rows_absent is None:
                    preparation.note_rejected(prepared)
            return prepared

    def _find_deleted(
        self,
        preparation: Preparation,
        prepared: Prepared,
        extract: Extract,
        reader: Reader,
        table: Table,
        state: Mapping[str, Any],
        full: bool,
    ) -> None:
        """An increment shows no deletes: the source tells them, or its keys are compared."""
        if not self._lake.has_rows(table.name):
            return  # whatever the source holds has just been read
        if extract.deleted_keys is not None:
            preparation.bury(prepared, extract.deleted_keys, guard=self._guard(state))
            if prepared.held_back:
                return
        # A source that held rows back in this load would hold back their keys as well.
        is_swept = table.deletes == "sweep" and self._is_due(table, state) and not extract.gap
        if extract.groups is not None and not is_swept:
            preparation.bury_within(prepared, extract.groups, extract.group_columns)
        if is_swept and isinstance(reader, KeyReader):
            keys = reader.read_keys(table, list(table.primary_key), self._lake.work)
            preparation.sweep(
                prepared,
                keys,
                guard=self._guard(state),
                coverage=reader.coverage(table) if hasattr(reader, "coverage") else None,
                full=full,
                is_one_moment=getattr(reader, "reads_one_moment", False),
            )
            extract.state["swept_at"] = utc_now().isoformat()

    def _guard(self, state: Mapping[str, Any]) -> Guard:
        """How far a table may shrink."""
        seen = state.get("held_back") if self._confirm else None
        return Guard(self._accept_shrink or (self._confirm and seen is None), seen)

    def _is_due(self, table: Table, state: Mapping[str, Any]) -> bool:
        """Whether keys are to be compared in this load."""
        last = state.get("swept_at")
        if self._full or table.sweep == "every_load" or not last:
            return True
        then, now = datetime.fromisoformat(last), utc_now()
        if table.sweep == "daily":
            return then.date() != now.date()
        return then.isocalendar()[:2] != now.isocalendar()[:2]

    def _new_state(
        self,
        table: Table,
        state: Mapping[str, Any],
        extract: Extract,
        prepared: Prepared,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        if self._window:
            # Where the next load goes on from stays; what it compares with has grown.
            kept = _without(state, "known_rows", "hashed_by")
            return {**kept, "columns": dict(columns), "has_landed": True}
        new = {**state, **extract.state, "signature": _signature(table), "columns": dict(columns)}
        if not extract.is_unchanged:
            missing = set(state.get("missing_columns", [])) | extract.missing_columns
            new["missing_columns"] = sorted(missing - set(extract.columns))
            new["type_changes"] = {name: now for name, (_, now) in extract.type_changes.items()}
            new.pop("told", None)
            new.pop("held_back", None)
            if extract.described is not None:
                new["described"] = extract.described
        if prepared.rows_present is not None:
            new["rows"] = prepared.rows_present
        if prepared.content is not None:
            new["content"] = prepared.content
        if prepared.known_rows is not None:
            new["known_rows"] = self._lake.known_rows_file(table.name, self._load_id).name
            new["hashed_by"] = duck.VERSION
        if prepared.absent is not None:
            new["absent"] = self._lake.absent_keys_file(table.name, self._load_id).name
        elif prepared.rows_absent is not None:
            new["absent"] = None
        new["anonymised"] = sorted(privacy.shortened(table, columns))
        new["has_landed"] = bool(state.get("has_landed")) or bool(prepared.files)
        return new

    def _receipt(
        self,
        table: Table,
        started_at: datetime,
        state: Mapping[str, Any],
        extract: Extract,
        prepared: Prepared,
        changes: list[dict[str, str]],
    ) -> Receipt:
        rejected = len(extract.rejected) + extract.count_refused + len(prepared.rejected)
        status = "loaded"
        if prepared.held_back:
            status = "held_back"
        elif extract.failures:
            status = "failed"
        elif not (prepared.rows_loaded or prepared.rows_deleted or rejected) and state:
            status = "unchanged"
        messages = list(extract.notes)
        remedies: list[Words] = []
        is_first = not state and not extract.is_unchanged
        if is_first and table.load != "append" and not (extract.rows_read or rejected):
            # A right that is missing often looks like this.
            messages.append(
                Words(
                    "The source showed no row: it has none, or this user may not see them.",
                    "源中看不到任何行：可能确实为空，或该用户无权查看。",
                )
            )
        if prepared.held_back:
            messages.append(prepared.held_back[0])
            remedies.append(prepared.held_back[1])
        for failure in extract.failures:
            messages.append(failure.message)
            remedies.append(failure.remedy)
        if extract.failures:
            messages.append(Words("The other files were loaded.", "其他文件已加载。"))
        if rejected:
            place = self._settings.quarantine / self._source.system / table.name
            messages.append(
                Words(
                    f"{rejected} rows were quarantined, each with its reason.",
                    f"{rejected} 行已隔离，均附原因。",
                )
            )
            remedies.append(
                Words(
                    f"See {place / self._load_id}.parquet; correct them at the source.",
                    f"请查看 {place / self._load_id}.parquet，并在源头更正。",
                )
            )
        if changes:
            told = ", ".join(f"{c['change']} {c.get('column', '')}".strip() for c in changes)
            messages.append(Words(f"The columns have changed: {told}.", f"列有变化：{told}。"))
        return Receipt(
            system=self._source.system,
            table_name=table.name,
            load_id=self._load_id,
            kind=self._source.kind,
            mode=table.load,
            status=status,  # type: ignore[arg-type]
            started_at=started_at,
            finished_at=utc_now(),
            rows_asked=extract.rows_asked,
            rows_received=extract.rows_read,
            rows_loaded=0 if prepared.held_back else prepared.rows_loaded,
            rows_rejected=rejected,
            rows_merged=0 if prepared.held_back else prepared.rows_merged,
            rows_deleted=0 if prepared.held_back else prepared.rows_deleted,
            rows_gap=extract.gap if prepared.rows_absent is None else prepared.rows_absent,
            rows_previous=state.get("rows"),
            cursor_from=extract.cursor_from,
            cursor_to=extract.cursor_to,
            newest_at=extract.newest_at,
            count_files=extract.count_files,
            count_bytes=extract.count_bytes,
            count_calls=extract.count_calls,
            count_retries=extract.count_retries,
            quota_used=extract.quota_used,
            quota_limit=extract.quota_limit,
            coverage_seen=extract.coverage_seen,
            coverage_all=extract.coverage_all,
            coverage_en=extract.coverage_note.en if extract.coverage_note else "",
            coverage_zh=extract.coverage_note.zh if extract.coverage_note else "",
            schema_changes=json.dumps(changes, ensure_ascii=False),
            message_en=" ".join(words.en for words in messages),
            message_zh="".join(words.zh for words in messages),
            remedy_en=" ".join(words.en for words in remedies),
            remedy_zh="".join(words.zh for words in remedies),
            schedule=self._source.schedule,
            is_transient=any(failure.is_transient for failure in extract.failures),
        )


def _failed(
    source: Source, table: Table, load_id: str, started_at: datetime, problem: SourceError
) -> Receipt:
    return Receipt(
        system=source.system,
        table_name=table.name,
        load_id=load_id,
        kind=source.kind,
        mode=table.load,
        status="failed",
        started_at=started_at,
        finished_at=utc_now(),
        message_en=problem.message.en,
        message_zh=problem.message.zh,
        remedy_en=problem.remedy.en,
        remedy_zh=problem.remedy.zh,
        schedule=source.schedule,
        is_transient=problem.is_transient,
    )


def _reasons(quarantined: Path) -> str:
    """Rows per reason of a file of quarantined rows, as a JSON object, the most frequent first."""
    codes = pq.read_table(quarantined, columns=["reason_code"])["reason_code"]
    found = [(each["values"], each["counts"]) for each in codes.value_counts().to_pylist()]
    return json.dumps(dict(sorted(found, key=lambda pair: (-pair[1], pair[0]))))


def _unexpected(where: str, error: Exception) -> SourceError:
    """The problem of an error that nobody foresaw: each kind's client has its own.

    Raises:
        Exception: ``error`` itself where the lake's disk is full, which ends the load.
    """
    if is_disk_full(error):
        raise error
    told = f"{type(error).__name__}: {one_line(error)}"
    trace = "".join(traceback.format_exception(error))
    log.error("%s: %s", where, masked(trace))
    return SourceError(
        Words(f"{where}: an unexpected error: {told}", f"{where}：意外错误：{told}"),
        Words(
            "Load again; if it stays, run the check of this kind and report the log.",
            "请重新加载；若仍然失败，请运行该类型的检查并提交日志。",
        ),
        is_transient=True,
    )


def _spent(reader: Reader) -> tuple[int, ...]:
    """Calls and repeated calls of ``reader`` so far; nothing where it does not count."""
    return tuple(getattr(reader, "spent", ()))


def _lost(rows: int) -> Words:
    return Words(
        f"{rows} rows of the source were missing, as they were committed later than the overlap "
        "allows, or as a list had left them out: the table was read whole again.",
        f"源中有 {rows} 行缺失（提交时间晚于重叠窗口，或曾被列表遗漏）：已整表重读。",
    )


def _with_columns(names: list[str]) -> Words:
    listed = ", ".join(names)
    return Words(
        f"Rows that have landed may have values in {listed}: the table was read whole, once.",
        f"已入湖的行在 {listed} 中可能有值：已整表重读一次。",
    )


def _without(state: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in names}


def _signature(table: Table) -> str:
    """Settings of a table that make what is known of it meaningless when they change."""
    settings = {"shrink_ratio", "columns", "drift", "sweep"}
    privacy_settings = {"anonymise_addresses", "retention_days", "time_column"}
    kept = table.model_dump(mode="json", exclude=settings | privacy_settings)
    for name in ("deletes", "deleted_flag", "deleted_values", "deleted_query"):
        # As it was before these settings: a table that leaves them out is not read again.
        if name in kept and getattr(table, name) == type(table).model_fields[name].default:
            del kept[name]
    return json.dumps(kept, sort_keys=True, ensure_ascii=False)


def _settings_of(signature: str) -> dict[str, Any]:
    """The settings in a signature, also in an old one, without those that only check or tell."""
    return _without(json.loads(signature), "module", "needs", "expects")


def _frozen(where: str, changes: list[dict[str, str]]) -> SourceError:
    chinese = {"added": "新增", "missing": "缺少", "returned": "恢复", "type": "类型改变"}
    en = ", ".join(f"{change['change']} {change['column']}" for change in changes)
    zh = "，".join(f"{chinese[change['change']]} {change['column']}" for change in changes)
    return SourceError(
        Words(
            f"{where}: its columns are frozen and have changed ({en}).",
            f"{where}：列已冻结，但发生变化（{zh}）。",
        ),
        Words(
            'Restore the columns, or set `drift = "evolve"` for the table and load it.',
            '请恢复这些列，或为该表设置 drift = "evolve" 后加载。',
        ),
        changes=changes,
    )


def _no_key(where: str, name: str, present: list[str]) -> SourceError:
    return SourceError(
        Words(
            f'{where}: `primary_key` names the column "{name}", which is not there.',
            f"{where}：primary_key 指定的列“{name}”不存在。",
        ),
        Words(f"Name one of: {', '.join(present)}.", f"可用的列：{'、'.join(present)}。"),
    )
