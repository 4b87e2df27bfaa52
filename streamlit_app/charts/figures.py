"""Figures of the pages. Text takes the colour of the theme, light or dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
import plotly.graph_objects as go

ACCENT_COLOUR = "#1a9485"
"""Readable on the light and on the dark surface."""
PREVIOUS_COLOUR = "rgba(128, 134, 142, 0.75)"
GRID_COLOUR = "rgba(128, 134, 142, 0.18)"
STATUS_COLOURS = {
    "1xx": "#8b949e",
    "2xx": ACCENT_COLOUR,
    "3xx": "#8b949e",
    "4xx": "#c98a1b",
    "5xx": "#c4493d",
    "?": "#8b949e",
}


@dataclass(frozen=True)
class Ticks:
    """Marks of both axes with their texts, so that they speak the reader's language."""

    days: tuple[date, ...]
    day_texts: tuple[str, ...]
    values: tuple[float, ...]
    value_texts: tuple[str, ...]


def value_steps(low: float, high: float, count: int = 4) -> tuple[float, ...]:
    """Round marks (1, 2 or 5 times a power of ten) from zero or below ``low`` to ``high``."""
    low, high = min(low, 0.0), max(high, 0.0)
    if high == low:
        return (0.0,)
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.floor(low / step)
    return tuple(step * index for index in range(first, math.floor(high / step + 1e-9) + 1))


def spread(days: Sequence[date], count: int = 7) -> tuple[date, ...]:
    """At most ``count`` of the days, evenly spread."""
    every = max(1, math.ceil(len(days) / count))
    return tuple(days[::every])


def set_ticks(figure: go.Figure, ticks: Ticks) -> None:
    """Marks of both axes in the words of the reader."""
    figure.update_xaxes(
        tickvals=list(ticks.days), ticktext=list(ticks.day_texts), hoverformat="%Y-%m-%d"
    )
    figure.update_yaxes(tickvals=list(ticks.values), ticktext=list(ticks.value_texts))


def layout(figure: go.Figure, height: int) -> go.Figure:
    """What all figures share: no frame, no menu, the colours of the page."""
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": 4, "t": 8, "b": 4},
        showlegend=False,
        hovermode="x unified",
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hoverlabel={"font_size": 12},
        barcornerradius=2,
        bargap=0.25,
    )
    figure.update_xaxes(showgrid=False, zeroline=False, fixedrange=True, tickfont_size=11)
    figure.update_yaxes(gridcolor=GRID_COLOUR, zeroline=False, fixedrange=True, tickfont_size=11)
    return figure


def trend(
    frame: pd.DataFrame, current_name: str, previous_name: str, ticks: Ticks, height: int = 260
) -> go.Figure:
    """A line over time with the period before as a dotted line.

    Args:
        frame: columns ``day`` (date), ``value``, ``value_text`` (as shown) and, where there is a
            period before, ``previous`` and ``previous_text``. A missing value leaves a gap.
        ticks: marks of the axes, see :func:`value_steps` and :func:`spread`.
    """
    figure = go.Figure()
    if "previous" in frame and frame["previous"].notna().any():
        figure.add_scatter(
            x=frame["day"],
            y=frame["previous"],
            mode="lines",
            name=previous_name,
            line={"color": PREVIOUS_COLOUR, "width": 1.5, "dash": "dot"},
            customdata=frame["previous_text"],
            hovertemplate="%{customdata}",
        )
    figure.add_scatter(
        x=frame["day"],
        y=frame["value"],
        mode="lines+markers" if len(frame) <= 31 else "lines",
        name=current_name,
        line={"width": 2, "color": ACCENT_COLOUR},
        marker={"size": 5, "color": ACCENT_COLOUR},
        customdata=frame["value_text"],
        hovertemplate="%{customdata}",
    )
    figure.update_yaxes(rangemode="tozero")
    set_ticks(figure, ticks)
    return layout(figure, height)


def distribution(
    labels: Sequence[str], counts: Sequence[int], texts: Sequence[str], height: int = 240
) -> go.Figure:
    """Horizontal bars, the first class on top; ``texts`` are the figures as shown."""
    figure = go.Figure(
        go.Bar(
            x=list(counts),
            y=list(labels),
            orientation="h",
            text=list(texts),
            textposition="outside",
            marker_color=ACCENT_COLOUR,
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    figure = layout(figure, height)
    # Room for the text of the longest bar.
    figure.update_xaxes(showticklabels=False, range=[0, max([*counts, 1]) * 1.18])
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure.update_layout(hovermode="closest")


def stacked_status(
    frame: pd.DataFrame, names: dict[str, str], ticks: Ticks, height: int = 240
) -> go.Figure:
    """Requests per bucket, stacked by class of answer.

    Args:
        frame: columns ``bucket`` (date), ``status_class`` (``2xx`` …) and ``count_requests``.
        names: label per class.
    """
    figure = go.Figure()
    for status_class, part in frame.groupby("status_class", sort=True):
        name = str(status_class)
        figure.add_bar(
            x=part["bucket"],
            y=part["count_requests"],
            name=names.get(name, name),
            marker_color=STATUS_COLOURS.get(name, PREVIOUS_COLOUR),
            hovertemplate="%{y:,}",
        )
    figure.update_layout(barmode="stack")
    set_ticks(figure, ticks)
    figure = layout(figure, height)
    return figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font_size": 11},
        margin_t=28,
    )
