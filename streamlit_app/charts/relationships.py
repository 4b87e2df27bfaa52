"""The plane of depth and breadth, and the neighbourhood of a customer in the graph."""

from __future__ import annotations

import bisect
import itertools
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from streamlit_app.charts.figures import ACCENT_COLOUR, GRID_COLOUR, PREVIOUS_COLOUR, layout

QUADRANT_COLOURS = {
    "deep_wide": ACCENT_COLOUR,
    "deep_narrow": "#5b7fc0",
    "shallow_wide": "#c98a1b",
    "shallow_narrow": "rgba(128, 134, 142, 0.75)",
}
EDGE_COLOURS = {
    "referral": ACCENT_COLOUR,
    "share": "#5b7fc0",
    "co_attendance": "#c98a1b",
    "supplier": "#8a6fae",
    "person_moved": "#d4574b",
}


RIM_NODES = 20
"""Nodes with a name around the focus; more would lie over each other."""


@dataclass(frozen=True)
class Mark:
    """A customer, or all customers of a field, in the plane of both indices."""

    breadth: float
    depth: float
    size: float
    group: str
    text: str
    key: str | None = None


def quadrant(
    marks: Sequence[Mark],
    names: Mapping[str, str],
    titles: tuple[str, str],
    limits: tuple[float | None, float | None],
    height: int = 520,
) -> go.Figure:
    """Breadth to the right, depth upwards; one trace per quadrant, so that the legend names it.

    Args:
        names: label per group of the marks; a group without one is not in the legend.
        titles: of the breadth and of the depth axis.
        limits: (breadth, depth) at which the quadrants part; None where it is not known.
    """
    figure = go.Figure()
    for group in dict.fromkeys(mark.group for mark in marks):
        own = [mark for mark in marks if mark.group == group]
        figure.add_scatter(
            x=[mark.breadth for mark in own],
            y=[mark.depth for mark in own],
            mode="markers",
            name=names.get(group, group),
            showlegend=group in names,
            marker={
                "size": [mark.size for mark in own],
                "color": QUADRANT_COLOURS.get(group, ACCENT_COLOUR),
                "opacity": 0.78,
                "line": {"width": 0.5, "color": "rgba(255, 255, 255, 0.6)"},
            },
            customdata=[[mark.text, mark.key] for mark in own],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )
    for limit, axis in zip(limits, ("x", "y"), strict=True):
        if limit is None:
            continue
        ends = {"x0": limit, "x1": limit, "y0": 0, "y1": 100}
        if axis == "y":
            ends = {"x0": 0, "x1": 100, "y0": limit, "y1": limit}
        figure.add_shape(
            type="line", line={"color": PREVIOUS_COLOUR, "width": 1, "dash": "dot"}, **ends
        )
    figure = layout(figure, height)
    # Room for marks on the rim.
    figure.update_xaxes(
        range=[-2, 102], title=titles[0], showgrid=True, gridcolor=GRID_COLOUR, title_font_size=12
    )
    figure.update_yaxes(range=[-2, 104], title=titles[1], title_font_size=12)
    return figure.update_layout(
        hovermode="closest",
        showlegend=len({mark.group for mark in marks} & set(names)) > 1,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font_size": 11},
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
    )


@dataclass(frozen=True)
class Node:
    """A customer of the graph; ``key`` is its id."""

    key: str
    name: str
    text: str


@dataclass(frozen=True)
class Link:
    """Influence of one node on another; noise is drawn dashed."""

    source: str
    target: str
    kind: str
    strength: float
    is_noise: bool


def positions(focus: str, nodes: Sequence[str]) -> dict[str, tuple[float, float]]:
    """A star: the focus in the middle, the first of the others around it, the rest further in.

    The same nodes always lie at the same places, so that two looks at a graph can be compared.
    """
    around = [node for node in nodes if node != focus]
    outer, inner = around[:RIM_NODES], around[RIM_NODES:]
    places = {focus: (0.0, 0.0)}
    for ring, radius, shift in ((outer, 1.0, 0.0), (inner, 0.55, 0.5)):
        for index, node in enumerate(ring):
            angle = 2 * math.pi * (index + shift) / len(ring) - math.pi / 2
            places[node] = (radius * math.cos(angle), -radius * math.sin(angle))
    return places


def network(
    focus: str,
    nodes: Sequence[Node],
    links: Sequence[Link],
    names: Mapping[str, str],
    height: int = 460,
) -> go.Figure:
    """The neighbourhood of a customer as a star.

    Args:
        names: label per kind of edge; the colour of a kind never changes.
    """
    places = positions(focus, [node.key for node in nodes])
    figure = go.Figure()
    for kind, noise in dict.fromkeys((link.kind, link.is_noise) for link in links):
        x: list[float | None] = []
        y: list[float | None] = []
        for link in links:
            if (link.kind, link.is_noise) == (kind, noise):
                (x0, y0), (x1, y1) = places[link.source], places[link.target]
                x += [x0, x1, None]
                y += [y0, y1, None]
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=names.get(kind, kind),
            legendgroup=kind,
            showlegend=not noise or (kind, False) not in {(i.kind, i.is_noise) for i in links},
            line={
                "color": EDGE_COLOURS.get(kind, PREVIOUS_COLOUR),
                "width": 1 if noise else 1.8,
                "dash": "dot" if noise else "solid",
            },
            opacity=0.55 if noise else 0.75,
            hoverinfo="skip",
        )
    rim = [node.key for node in nodes if node.key != focus][:RIM_NODES]
    figure.add_scatter(
        x=[places[node.key][0] for node in nodes],
        y=[places[node.key][1] for node in nodes],
        mode="markers+text",
        text=[
            _short(node.name, 16) if node.key == focus or node.key in rim else "" for node in nodes
        ],
        textposition=[_text_place(*places[node.key]) for node in nodes],
        textfont={"size": 11},
        marker={
            "size": [24 if node.key == focus else 12 for node in nodes],
            "color": [ACCENT_COLOUR if node.key == focus else "#8fa3ad" for node in nodes],
            "line": {"width": 1.5, "color": "rgba(255, 255, 255, 0.85)"},
        },
        customdata=[[node.text, node.key] for node in nodes],
        hovertemplate="%{customdata[0]}<extra></extra>",
        showlegend=False,
        cliponaxis=False,
    )
    figure = layout(figure, height)
    figure.update_xaxes(visible=False, range=[-1.7, 1.7])
    figure.update_yaxes(visible=False, range=[-1.16, 1.16])
    return figure.update_layout(
        hovermode="closest",
        showlegend=bool(links),
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font_size": 11},
        margin={"l": 4, "r": 4, "t": 30, "b": 8},
    )


def _short(name: str, width: int) -> str:
    """At most ``width`` narrow characters; a wide one, such as a Chinese one, takes two places."""
    places = list(
        itertools.accumulate(
            2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in name
        )
    )
    if not places or places[-1] <= width:
        return name
    return f"{name[: bisect.bisect_right(places, width - 1)]}…"


def _text_place(x: float, y: float) -> str:
    if abs(x) < 0.05 and abs(y) < 0.05:
        return "bottom center"
    if abs(x) < 0.35:
        # Away from the middle, so that neighbours on the rim do not write over each other.
        side = "center" if abs(x) < 0.05 else "right" if x > 0 else "left"
        return f"{'top' if y > 0 else 'bottom'} {side}"
    return "middle right" if x > 0 else "middle left"
