"""Lines over weeks with marked changes of definition, and bars with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import plotly.graph_objects as go

from streamlit_app.charts.figures import (
    ACCENT_COLOUR,
    GRID_COLOUR,
    PREVIOUS_COLOUR,
    Ticks,
    layout,
    set_ticks,
)

FAMILY_COLOURS = {
    "technical": "#5b7fc0",
    "organisational": ACCENT_COLOUR,
    "commercial": "#c98a1b",
    "all": "rgba(128, 134, 142, 0.95)",
}
"""Readable on the light and on the dark surface."""
WARN_COLOUR = "#c98a1b"
BAD_COLOUR = "#d4574b"


@dataclass(frozen=True)
class Series:
    """One line: a value per day (None leaves a gap) and its text as shown."""

    name: str
    values: tuple[float | None, ...]
    texts: tuple[str, ...]
    colour: str
    dash: str = "solid"


def lines(
    days: Sequence[date],
    series: Sequence[Series],
    ticks: Ticks,
    marks: Sequence[tuple[date, str]] = (),
    height: int = 260,
    top: float | None = None,
) -> go.Figure:
    """Lines over the same days.

    Args:
        marks: (day, words) of changes of a definition, drawn as dotted uprights.
        top: end of the value axis where it is fixed.
    """
    figure = go.Figure()
    for item in series:
        figure.add_scatter(
            x=list(days),
            y=list(item.values),
            mode="lines+markers" if len(days) <= 31 else "lines",
            name=item.name,
            line={"width": 2, "color": item.colour, "dash": item.dash},
            marker={"size": 5, "color": item.colour},
            customdata=list(item.texts),
            hovertemplate="%{customdata}",
        )
    for day, words in marks:
        figure.add_shape(
            type="line",
            xref="x",
            yref="paper",
            x0=day,
            x1=day,
            y0=0,
            y1=1,
            line={"color": WARN_COLOUR, "width": 1.5, "dash": "dot"},
        )
        figure.add_annotation(
            x=day,
            y=1,
            xref="x",
            yref="paper",
            text=words,
            showarrow=False,
            xanchor="left" if day <= days[len(days) // 2] else "right",
            yanchor="top",
            font={"size": 11},
        )
    figure.update_yaxes(rangemode="tozero")
    if top is not None:
        figure.update_yaxes(range=[0, top])
    set_ticks(figure, ticks)
    figure = layout(figure, height)
    if len(series) > 1:
        figure.update_layout(
            showlegend=True,
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font_size": 11},
            margin_t=30,
        )
    return figure


def intervals(
    lags: Sequence[int],
    values: Sequence[float | None],
    low: Sequence[float | None],
    high: Sequence[float | None],
    texts: Sequence[str],
    best: int | None,
    height: int = 200,
) -> go.Figure:
    """A bar per lag with its interval; the best one stands out."""
    figure = go.Figure(
        go.Bar(
            x=list(lags),
            y=list(values),
            marker_color=[ACCENT_COLOUR if lag == best else PREVIOUS_COLOUR for lag in lags],
            customdata=list(texts),
            hovertemplate="%{customdata}<extra></extra>",
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [_span(end, value) for end, value in zip(high, values, strict=True)],
                "arrayminus": [_span(value, end) for end, value in zip(low, values, strict=True)],
                "color": "rgba(128, 134, 142, 0.9)",
                "thickness": 1,
                "width": 3,
            },
        )
    )
    figure = layout(figure, height)
    figure.update_xaxes(tickvals=list(lags)[:: 2 if len(lags) > 10 else 1], type="linear")
    figure.update_yaxes(zeroline=True, zerolinecolor=GRID_COLOUR)
    return figure.update_layout(hovermode="closest")


def _span(upper: float | None, lower: float | None) -> float:
    return 0.0 if upper is None or lower is None else max(0.0, upper - lower)


def rate_bars(
    labels: Sequence[str],
    values: Sequence[float | None],
    texts: Sequence[str],
    hovers: Sequence[str],
    limit: int | None = None,
    height: int = 240,
) -> go.Figure:
    """A bar per class with its text above; classes behind ``limit`` are marked.

    Args:
        limit: number of classes that are safe; None where it is not known.
    """
    colours = [
        ACCENT_COLOUR if limit is None or index < limit else BAD_COLOUR
        for index in range(len(labels))
    ]
    figure = go.Figure(
        go.Bar(
            x=list(labels),
            y=list(values),
            text=list(texts),
            textposition="outside",
            marker_color=colours,
            customdata=list(hovers),
            hovertemplate="%{customdata}<extra></extra>",
            cliponaxis=False,
        )
    )
    figure = layout(figure, height)
    known = [value for value in values if value is not None]
    figure.update_xaxes(type="category")
    figure.update_yaxes(showticklabels=False, range=[0, max([*known, 1e-9]) * 1.22])
    return figure.update_layout(hovermode="closest")
