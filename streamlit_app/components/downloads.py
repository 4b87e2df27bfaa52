"""CSV and XLSX of a table on a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from streamlit_app.components.view import View
from streamlit_app.data import exports
from streamlit_app.i18n import formats

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def downloads(
    view: View, name: str, title: str, selection: str, table: Callable[[], Table]
) -> None:
    """Two small buttons; the file is made when one is pressed.

    Args:
        name: of the file.
        title, selection: what the first sheet of the workbook says of the rows.
    """
    stem = f"{name}_{view.version.version_id.split('-')[0]}"

    def about() -> tuple[tuple[str, str], ...]:
        made_at = formats.moment(datetime.now(UTC), view.zone, view.language)
        return (
            (view.text("download.table"), title),
            (view.text("passport.selection"), selection),
            (view.text("passport.as_of"), formats.day(view.version.info.as_of, view.language)),
            (view.text("passport.version"), view.version.version_id),
            (view.text("passport.exported_at"), f"{made_at} ({view.zone})"),
        )

    with st.container(key=f"files_{name}", horizontal=True, width="content", gap="xxsmall"):
        st.download_button(
            view.text("passport.csv"),
            data=lambda: exports.csv_file(*table()),
            file_name=f"{stem}.csv",
            mime="text/csv",
            on_click="ignore",
            type="tertiary",
            key=f"link_csv_{name}",
            help=view.text("download.csv", table=title),
        )
        st.download_button(
            view.text("passport.xlsx"),
            data=lambda: exports.xlsx_file(
                *table(),
                about(),
                view.text("passport.sheet_about"),
                view.text("passport.sheet_rows"),
            ),
            file_name=f"{stem}.xlsx",
            mime=XLSX,
            on_click="ignore",
            type="tertiary",
            key=f"link_xlsx_{name}",
            help=view.text("download.xlsx", table=title),
        )
