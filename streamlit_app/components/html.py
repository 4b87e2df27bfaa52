"""Small HTML pieces; every text from data is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote


def escape(value: object) -> str:
    return html.escape(str(value), quote=True)


def marked(text: str, words: Sequence[str]) -> str:
    """Escaped text in which the words stand out, whatever their case."""
    if not words:
        return escape(text)
    longest_first = sorted(words, key=len, reverse=True)
    pattern = re.compile("|".join(re.escape(word) for word in longest_first), re.IGNORECASE)
    parts, end = [], 0
    for match in pattern.finditer(text):
        parts += [escape(text[end : match.start()]), f"<mark>{escape(match[0])}</mark>"]
        end = match.end()
    return "".join([*parts, escape(text[end:])])


def dot(status: str) -> str:
    """A coloured dot; the status must also be said in words beside it."""
    return f'<i class="dot {escape(status)}"></i>'


def sparkline(values: Sequence[float | None]) -> str:
    """A line without axes; gaps where a value is missing, empty below two points.

    Streamlit removes SVG from HTML, so the line is a mask through which the accent colour shows.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(0.0, *known), max(known)
    span = (high - low) or 1.0
    width, height = 100.0, 30.0
    step = width / (len(values) - 1)
    lines: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            lines.append([])
            continue
        lines[-1].append((index * step, height - (value - low) / span * (height - 2) - 1))
    paths = []
    for points in lines:
        if len(points) < 2:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        first, last = points[0][0], points[-1][0]
        paths.append(
            f"<polygon opacity='.16' points='{first:.1f},{height} {line} {last:.1f},{height}'/>"
            f"<polyline points='{line}' fill='none' stroke='#000' stroke-width='1.5' "
            "vector-effect='non-scaling-stroke' stroke-linejoin='round'/>"
        )
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' "
        f"preserveAspectRatio='none'>{''.join(paths)}</svg>"
    )
    address = f"data:image/svg+xml,{quote(svg)}"
    return f'<div class="spark" style="--shape:url(&quot;{address}&quot;)"></div>'


@dataclass(frozen=True)
class Cell:
    """A table cell: text, optional share (0–1) drawn as a bar, tooltip, CSS classes, status dot.

    ``columns`` are (share 0–1, tooltip) of small upright bars, drawn instead of the text.
    """

    text: str
    part: float | None = None
    title: str = ""
    classes: str = ""
    status: str = ""
    columns: tuple[tuple[float, str], ...] = ()


def table(headings: Sequence[tuple[str, str]], rows: Sequence[Sequence[Cell]]) -> str:
    """A dense table; ``headings`` are (text, CSS classes) per column."""
    head = "".join(
        f'<th scope="col" class="{classes}">{escape(name)}</th>' for name, classes in headings
    )
    body = []
    for row in rows:
        cells = []
        for cell in row:
            inner = (dot(cell.status) if cell.status else "") + escape(cell.text)
            if cell.part is not None:
                share = max(0.0, min(1.0, cell.part)) * 100
                bar = f'<i style="--part:{share:.1f}%"></i>'
                inner = f'<div class="bar">{bar}<span>{inner}</span></div>'
            if cell.columns:
                inner = small_columns(cell.columns)
            title = f' title="{escape(cell.title)}"' if cell.title else ""
            cells.append(f'<td class="{cell.classes}"{title}>{inner}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    # What scrolls must be reachable by keyboard.
    return (
        f'<div class="scroll" tabindex="0"><table class="dense"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def small_columns(columns: Sequence[tuple[float, str]], marked: Collection[int] = ()) -> str:
    """Small upright bars, one per (share 0–1, tooltip); nothing is a hairline.

    Args:
        marked: places of bars before which something has changed.
    """
    bars = "".join(
        f'<i{" class=changed" if index in marked else ""} title="{escape(title)}" '
        f'style="--h:{max(0.0, min(1.0, share)) * 100:.0f}%"></i>'
        for index, (share, title) in enumerate(columns)
    )
    said = f"{columns[0][1]} … {columns[-1][1]}" if columns else ""
    return f'<div class="columns" role="img" aria-label="{escape(said)}">{bars}</div>'


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values in columns; values are escaped."""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs
    )
    return f'<dl class="facts">{items}</dl>'


def section(title: str, note: str = "") -> str:
    extra = f"<span>{escape(note)}</span>" if note else ""
    return f'<div class="section-head"><h2>{escape(title)}</h2>{extra}</div>'


def panel_title(title: str, note: str = "") -> str:
    extra = f"<small>{escape(note)}</small>" if note else ""
    return f'<div class="panel-title">{escape(title)}{extra}</div>'
