"""Tables that a kind of source knows by itself, so that naming the system is enough.

A preset is a file ``tables.toml`` in the folder of its kind:

.. code-block:: toml

    [source]                # defaults of the source, such as its time zone
    time_zone = "UTC"

    [[table]]               # settings of a table, as a sources file would give them
    name = "sale_sale"
    load = "incremental"

A source then lists no tables and gets all of them, or picks some and changes or adds others:

.. code-block:: toml

    [[source]]
    system = "erp"
    kind = "tryton"
    url_env = "ERP_URL"
    tables = ["sale_sale", "sale_line"]   # of the preset, only these
      [[source.table]]
      name = "sale_sale"                  # in the preset: these keys replace its own
      overlap_seconds = 600
      [[source.table]]
      name = "project_work"               # not in the preset: one more table
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

PRESET_FILE = "tables.toml"
# A key that a source gives takes the place of those that it cannot stand beside.
_REPLACED_BY = {
    "query": ("table", "schema"),
    "table": ("query",),
    "schema": ("query",),
}


def preset_tables(folder: Path) -> tuple[str, ...]:
    """Names of the tables that the preset in ``folder`` knows, in its order."""
    return tuple(table["name"] for table in _preset(folder).get("table", ()))


def with_preset(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings of a source, as its sources file gives them, with what its preset adds.

    ``mapping_set`` becomes the kind's name unless the source gives its own. The result has no
    ``tables``; its ``table`` lists those of the preset in their order, then the added ones.

    Args:
        values: what stands under one ``[[source]]``.
        folder: folder of the kind, with its ``tables.toml``.

    Raises:
        ValueError: ``tables`` picks a table that the preset does not know, or is no list of names.
    """
    preset = _preset(folder)
    known: dict[str, dict[str, Any]] = {table["name"]: table for table in preset.get("table", ())}
    own = values.get("table", [])
    if not isinstance(own, list) or not all(isinstance(table, dict) for table in own):
        # Not what a sources file looks like; the model of the source says so.
        return {key: value for key, value in values.items() if key != "tables"}
    picked = _picked(values, known, folder)
    given = {table["name"]: table for table in own if isinstance(table.get("name"), str)}
    tables = [
        _replaced(table, given.get(name, {}))
        for name, table in known.items()
        if name in picked or name in given
    ]
    # What is listed twice, or has no name, stays as it is for the model to refuse.
    seen = [id(table) for name, table in given.items() if name in known]
    tables += [table for table in own if id(table) not in seen]
    rest = {key: value for key, value in values.items() if key not in ("table", "tables")}
    return {
        "mapping_set": folder.name,
        **deepcopy(preset.get("source", {})),
        **rest,
        "table": tables,
    }


def _picked(values: Mapping[str, Any], known: Mapping[str, Any], folder: Path) -> set[str]:
    if "tables" not in values:
        return set(known)
    names = values["tables"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError('`tables` is a list of names; write for example tables = ["a", "b"]')
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3) or list(known)
            raise ValueError(
                f'`tables` names "{name}", which {folder.name} does not know; write one of '
                f"{', '.join(near)}, or add it as [[source.table]] with its settings"
            )
    return set(names)


def _replaced(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``table`` of a preset with the keys that a source gives for it."""
    dropped = {key for given in changes for key in _REPLACED_BY.get(given, ())}
    if changes.get("load", "incremental") != "incremental":
        dropped.add("cursor")
    kept = {key: value for key, value in table.items() if key not in dropped}
    return {**deepcopy(kept), **changes}


@functools.cache
def _preset(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / PRESET_FILE).read_text(encoding="utf-8"))
