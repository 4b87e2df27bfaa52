"""Sections of the page *Migration health*: one glance, then why, then what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import streamlit as st

from streamlit_app.charts import series
from streamlit_app.components import html, rows, url
from streamlit_app.components.overview import CHART_CONFIG
from streamlit_app.components.parts import (
    details,
    drawer,
    figure,
    fraction,
    is_few,
    missing,
    open_at,
    opened,
    panel_head,
    points,
    reason,
    share,
    signed,
    tone,
    week_ticks,
    words,
)
from streamlit_app.components.tiles import open_passport
from streamlit_app.components.view import View
from streamlit_app.data import health
from streamlit_app.data.health import (
    FAMILIES,
    WHOLE,
    Criterion,
    FamilyWeek,
    HitRate,
    LeadLag,
    MetricWeek,
    Move,
    Scorecard,
    Step,
    Trap,
    TrapCase,
)
from streamlit_app.data.intent import rounded_parts
from streamlit_app.data.version import ask, connection_of
from streamlit_app.i18n import formats

CASES_PER_PAGE = 20
SHOWN_MOVES = 6
CUSTOMER_SUBJECTS = ("customer", "account")


def _card(view: View) -> Scorecard | None:
    return ask(view.version, health.scorecard)


def _family_name(view: View, family: str) -> str:
    return view.text(f"family.{family}")


def metric_name(view: View, metric_id: str) -> str:
    metric = view.metric(metric_id)
    return metric_id if metric is None else metric.name(view.language)


def with_window(view: View) -> View:
    """The view of a passport: the days that the scorecard's value of the metric looks back on."""
    card = _card(view) if view.metric(view.state.passport) is not None else None
    found = next(
        (item for item in (card.now() if card else ()) if item.metric_id == view.state.passport),
        None,
    )
    if found is None:
        return view
    return replace(view, state=replace(view.state, period=found.period))


# At a glance


def headline(view: View) -> None:
    """The whole and the three families; each opens what it is made of."""
    card = _card(view)
    note = ""
    if card is not None:
        note = view.text("health.week_of", day=formats.day(card.last_week, view.language))
    st.html(html.section(view.text("health.headline"), note))
    if card is None:
        rows.empty(missing(view, health.FAMILY_MART))
        return
    with st.grid(4, min_column_width=150, gap="xsmall"):
        for family in (WHOLE, *FAMILIES):
            with st.container(key=f"tile_family_{family}", height="stretch"):
                st.html(_family_html(view, card, family))
                st.button(
                    view.text("health.open_family", name=_family_name(view, family)),
                    key=f"open_family_{family}",
                    on_click=open_at,
                    args=("family", family),
                )


def _family_html(view: View, card: Scorecard, family: str) -> str:
    found = card.family(family)
    now = found[-1]
    head = f'<div class="tile-name">{html.escape(_family_name(view, family))}</div>'
    if now is None or now.attainment_points is None:
        why = html.escape(view.text("health.family_unknown"))
        return (
            f'<div class="tile">{head}<div class="tile-value unknown">{formats.DASH}</div>'
            f'<div class="tile-note">{why}</div>{_family_foot(view, now)}</div>'
        )
    exact = html.escape(points(now.attainment_points, 4))
    body = (
        f'<div class="tile-value" title="{exact}">{html.escape(points(now.attainment_points))}'
        f'<span class="unit">{html.escape(view.text("health.of_100"))}</span></div>'
    )
    if now.change_points is None:
        body += f'<div class="tile-change">{html.escape(view.text("tile.no_before"))}</div>'
    else:
        body += (
            f'<div class="tile-change {tone(now.change_points)}">'
            f"<b>{html.escape(signed(now.change_points))}</b> "
            f"{html.escape(view.text('health.since_last_week'))}</div>"
        )
    body += html.sparkline([item.attainment_points if item else None for item in found])
    return f'<div class="tile">{head}{body}{_family_foot(view, now)}</div>'


def _family_foot(view: View, now: FamilyWeek | None) -> str:
    if now is None or now.count_metrics is None:
        return ""
    known = view.text(
        "health.known",
        known=formats.number(now.count_metrics_known or 0),
        count=formats.number(now.count_metrics),
    )
    right = ""
    if now.coverage_ratio is not None:
        right = view.text("health.coverage", share=formats.percent(now.coverage_ratio, 0))
    is_whole = (now.count_metrics_known or 0) == now.count_metrics
    flag = "" if is_whole else ' class="flag"'
    return (
        f'<div class="tile-foot"><span{flag}>{html.escape(known)}</span>'
        f"<span>{html.escape(right)}</span></div>"
    )


def trend(view: View) -> None:
    """Twelve weeks of the three families and the whole; changes of definitions are marked."""
    card = _card(view)
    with st.container(key="panel_health_trend", height="stretch"):
        panel_head(view, view.text("health.trend"), view.text("health.trend_note"))
        if card is None:
            rows.empty(missing(view, health.FAMILY_MART))
            return
        drawn = []
        for family in (*FAMILIES, WHOLE):
            values = tuple(item.attainment_points if item else None for item in card.family(family))
            name = _family_name(view, family)
            texts = tuple(
                f"{points(value)}  ({formats.day(week, view.language)})"
                for week, value in zip(card.weeks, values, strict=True)
            )
            dash = "dot" if family == WHOLE else "solid"
            drawn.append(series.Series(name, values, texts, series.FAMILY_COLOURS[family], dash))
        changes = card.definition_changes()
        last = ", ".join(f"{item.name} {points(item.values[-1])}" for item in drawn)
        st.plotly_chart(
            figure(
                view,
                "health_trend",
                lambda: series.lines(
                    card.weeks,
                    drawn,
                    week_ticks(view, card.weeks, [0.0, 100.0]),
                    [(item.week_start, "◆") for item in changes],
                    height=270,
                    top=105,
                ),
            ),
            config=CHART_CONFIG,
            key="health_trend_chart",
            alt=f"{view.text('health.trend')}: {last}",
        )
        if changes:
            st.html(f'<div class="marks">{_changes_html(view, changes)}</div>')


def _changes_html(view: View, changes: Sequence[MetricWeek]) -> str:
    return " · ".join(
        html.escape(
            "◆ "
            + view.text(
                "health.definition_changed",
                day=formats.day(item.week_start, view.language),
                name=metric_name(view, item.metric_id),
                version=item.metric_version or formats.DASH,
            )
        )
        for item in changes
    )


def moves(view: View) -> None:
    """What moved the whole since last week; the rows add up to its change."""
    card = _card(view)
    with st.container(key="panel_health_moves", height="stretch"):
        panel_head(view, view.text("health.moves"), view.text("health.moves_note"))
        if card is None:
            rows.empty(missing(view, health.METRIC_MART))
            return
        found = health.moves(card)
        if not found:
            rows.empty(view.text("health.no_moves"))
            return
        shown, rest = found[:SHOWN_MOVES], found[SHOWN_MOVES:]
        largest = max(abs(item.points) for item in found) or Decimal(1)
        values = [item.points for item in shown] + [sum((i.points for i in rest), Decimal(0))]
        rounded = rounded_parts(values, 2)
        with st.container(key="list_moves"):
            for number, (item, value) in enumerate(zip(shown, rounded, strict=False)):
                body = _move_html(view, item, value, largest)
                _metric_row(view, f"move_{number}", body, item.metric_id)
        foot = [(view.text("health.other_moves", count=len(rest)), rounded[-1])] if rest else []
        foot.append((view.text("health.whole_moved"), sum(rounded, Decimal(0))))
        st.html(
            "".join(
                f'<div class="move foot"><span>{html.escape(name)}</span>'
                f"<b>{html.escape(_signed_points(value))}</b></div>"
                for name, value in foot
            )
        )


def _signed_points(value: Decimal) -> str:
    return f"{value:+.2f}".replace("-", "−") if value else "0.00"


def _move_html(view: View, item: Move, shown: Decimal, largest: Decimal) -> str:
    width = float(abs(item.points) / largest) * 50
    side = "left: 50%" if item.points >= 0 else f"left: {50 - width:.1f}%"
    direction = "up" if item.points >= 0 else "down"
    return (
        f'<div class="move"><span>{html.escape(metric_name(view, item.metric_id))}'
        f"<small>{html.escape(_move_words(view, item))}</small></span>"
        f'<span class="swing"><i class="{direction}" style="{side};width:{width:.1f}%"></i></span>'
        f"<b>{html.escape(_signed_points(shown))}</b></div>"
    )


def _move_words(view: View, item: Move) -> str:
    if item.became == "known":
        return view.text("health.became_known")
    if item.became == "unknown":
        return view.text("health.became_unknown")
    before = _value(view, item.metric_id, item.value_before)
    now = _value(view, item.metric_id, item.value)
    said = now if before == now else f"{before} → {now}"
    if item.is_definition_change:
        said = f"{said} · {view.text('health.new_definition')}"
    elif before == now:
        said = f"{said} · {view.text('health.weight_moved')}"
    return said


def _value(view: View, metric_id: str, value: float | None) -> str:
    metric = view.metric(metric_id)
    if metric is None:
        return points(value, 2)
    return formats.shown(value, metric.unit, view.language, "CNY" if metric.is_amount else None)


def _metric_row(view: View, key: str, body: str, metric_id: str) -> None:
    """A row that opens the metric's passport, where the catalogue has the metric."""
    if view.metric(metric_id) is None:
        st.html(body)
        return
    label = view.text("tile.open", name=metric_name(view, metric_id))
    rows.row(key, body, label, open_passport, (metric_id,))


# The scorecard


def metrics(view: View) -> None:
    """Every metric of the scorecard in its family, with what it adds."""
    card = _card(view)
    with st.container(key="panel_scorecard"):
        panel_head(
            view,
            view.text("health.scorecard"),
            view.text("health.scorecard_note"),
            "scorecard",
            None
            if card is None
            else lambda: health.export(connection_of(view.version), "scorecard"),
        )
        if card is None:
            rows.empty(missing(view, health.METRIC_MART))
            return
        with st.container(key="list_scorecard"):
            st.html(_metric_head(view))
            for family in FAMILIES:
                found = card.now(family)
                if not found:
                    continue
                st.html(_group_html(view, card, family))
                for item in found:
                    body = _metric_html(view, card, item)
                    _metric_row(view, f"metric_{item.metric_id}", body, item.metric_id)


def _metric_head(view: View) -> str:
    names = ("measure", "weeks", "value", "target", "attained", "adds")
    cells = "".join(
        f'<span class="{name}">{html.escape(view.text(f"health.head_{name}"))}</span>'
        for name in names
    )
    return f'<div class="measure head">{cells}</div>'


def _group_html(view: View, card: Scorecard, family: str) -> str:
    now = card.family(family)[-1]
    value = points(now.attainment_points if now else None)
    return (
        f'<div class="measure group"><b>{html.escape(_family_name(view, family))}</b>'
        f'<span class="adds">{html.escape(value)}</span></div>'
    )


def _metric_html(view: View, card: Scorecard, item: MetricWeek) -> str:
    name = html.escape(metric_name(view, item.metric_id))
    if item.is_unknown or item.value is None:
        why = reason(view, item.unknown_reason, item.unknown_reason_en, item.unknown_reason_zh)
        return (
            f'<div class="measure unknown"><span class="measure">{name}</span>'
            f'<span class="why">{html.escape(why)}</span>'
            f'<span class="adds">{formats.DASH}</span></div>'
        )
    attained = item.attainment_ratio
    part = 0.0 if attained is None else max(0.0, min(1.0, attained)) * 100
    shown = formats.DASH if attained is None else formats.percent(attained, 0)
    change = f'<em class="{tone(item.contribution_change_points, 2)}">' + html.escape(
        signed(item.contribution_change_points, 2)
    )
    return (
        f'<div class="measure"><span class="measure">{name}{_metric_flags(view, item)}</span>'
        f'<span class="weeks">{_weeks_html(view, card, item.metric_id)}</span>'
        f'<span class="value"><b>{html.escape(_value(view, item.metric_id, item.value))}</b>'
        f"<small>{html.escape(_sample(view, item))}</small></span>"
        f'<span class="target">{html.escape(_value(view, item.metric_id, item.target))}'
        f"<small>{html.escape(_base(view, item))}</small></span>"
        f'<span class="attained"><span class="bar"><i style="--part:{part:.1f}%"></i>'
        f"<span>{html.escape(shown)}</span></span></span>"
        f'<span class="adds"><b>{html.escape(points(item.family_contribution_points, 2))}</b>'
        f"<small>{change}</em></small></span></div>"
    )


def _metric_flags(view: View, item: MetricWeek) -> str:
    if not item.is_definition_change:
        return ""
    return f'<small class="flag">◆ {html.escape(view.text("health.new_definition"))}</small>'


def _sample(view: View, item: MetricWeek) -> str:
    metric = view.metric(item.metric_id)
    is_ratio = metric is None or metric.aggregation == "ratio"
    if is_ratio and item.numerator is not None and item.denominator is not None:
        said, size = fraction(item.numerator, item.denominator), item.denominator
    elif item.count_rows is not None:
        said = view.text("tile.sample", known=formats.number(item.count_rows))
        size = float(item.count_rows)
    else:
        return ""
    return f"{said} · {view.text('tile.small')}" if is_few(view, size) else said


def _base(view: View, item: MetricWeek) -> str:
    if item.benchmark_2023 is None:
        return ""
    base = _value(view, item.metric_id, item.benchmark_2023)
    return view.text("health.base_2023", value=base)


def _weeks_html(view: View, card: Scorecard, metric_id: str) -> str:
    """Twelve small bars: the attainment of each week; a change of definition stands before one."""
    found = card.metric(metric_id)
    bars = []
    marked = set()
    for index, (week, item) in enumerate(zip(card.weeks, found, strict=True)):
        attained = item.attainment_ratio if item else None
        value = _value(view, metric_id, item.value if item else None)
        said = f"{formats.day(week, view.language)}: {value}"
        bars.append((attained or 0.0, said))
        if item is not None and item.is_definition_change:
            marked.add(index)
    return html.small_columns(bars, marked)


def _family_content(view: View) -> None:
    """What a family, or the whole, is made of: contributions that add up exactly."""
    card, family = _card(view), st.query_params.get("family") or WHOLE
    if card is None:
        return
    found = card.now(None if family == WHOLE else family)
    known = [item for item in found if not item.is_unknown and item.value is not None]
    unknown = [item for item in found if item not in known]
    st.html(_family_value(view, card, family))
    st.html(html.section(view.text("health.made_of"), view.text("health.made_of_note")))
    adds = {item.metric_id: _adds(item, family) for item in known}
    known.sort(key=lambda item: -adds[item.metric_id])
    rounded = rounded_parts([adds[item.metric_id] for item in known], 2)
    largest = max([*adds.values(), Decimal("0.01")])
    with st.container(key="list_family"):
        for item, value in zip(known, rounded, strict=True):
            body = _part_html(view, item, value, float(adds[item.metric_id] / largest), family)
            _metric_row(view, f"part_{item.metric_id}", body, item.metric_id)
    total = sum(rounded, Decimal(0))
    st.html(
        f'<div class="part sum"><span>{html.escape(view.text("health.sum"))}</span>'
        f"<b>{html.escape(formats.number(float(total), 2))}</b></div>"
    )
    if unknown:
        st.html(html.section(view.text("health.unknown"), view.text("health.unknown_note")))
        st.html(
            "".join(
                f'<div class="part"><span>{html.escape(metric_name(view, item.metric_id))}'
                f"<small>{html.escape(_why_unknown(view, item))}</small></span>"
                f"<b>{formats.DASH}</b></div>"
                for item in unknown
            )
        )


def _why_unknown(view: View, item: MetricWeek) -> str:
    return reason(view, item.unknown_reason, item.unknown_reason_en, item.unknown_reason_zh)


def _adds(item: MetricWeek, family: str) -> Decimal:
    value = item.total_contribution_points if family == WHOLE else item.family_contribution_points
    return Decimal(str(value or 0))


def _family_value(view: View, card: Scorecard, family: str) -> str:
    now = card.family(family)[-1]
    said = []
    if now is not None:
        if now.change_points is not None:
            said.append(f"{signed(now.change_points)} {view.text('health.since_last_week')}")
        known = (now.count_metrics_known or 0, now.count_metrics or 0)
        said.append(view.text("health.known", known=known[0], count=known[1]))
        if now.coverage_ratio is not None:
            covered = formats.percent(now.coverage_ratio, 1)
            said.append(view.text("health.coverage", share=covered))
    value = points(now.attainment_points if now else None, 2)
    return (
        f'<div class="passport-value">{html.escape(value)} '
        f'<span class="others">{html.escape(view.text("health.of_100"))}</span>'
        f"<small>{html.escape(' · '.join(said))}</small></div>"
    )


def _part_html(view: View, item: MetricWeek, value: Decimal, part: float, family: str) -> str:
    attained = formats.DASH
    if item.attainment_ratio is not None:
        attained = formats.percent(item.attainment_ratio, 1)
    said = [
        _value(view, item.metric_id, item.value),
        view.text("health.attained_of", share=attained),
    ]
    if item.weight_ratio is not None:
        said.append(view.text("health.weight", share=formats.percent(item.weight_ratio, 1)))
    said.append(_sample(view, item))
    return (
        f'<div class="part"><span>{html.escape(metric_name(view, item.metric_id))}'
        f"<small>{html.escape(' · '.join(one for one in said if one))}</small></span>"
        f'<span class="bar"><i style="--part:{part * 100:.1f}%"></i></span>'
        f"<b>{html.escape(formats.number(float(value), 2))}</b></div>"
    )


# Traps


def traps(view: View) -> None:
    """The detectors and what they have found; each opens its cases."""
    with st.container(key="panel_traps", height="stretch"):
        panel_head(view, view.text("trap.title"), view.text("trap.note"))
        found = ask(view.version, health.traps)
        if found is None:
            rows.empty(missing(view, health.TRAP_MART))
            return
        if not found:
            rows.empty(view.text("trap.none"))
            return
        with st.container(key="list_traps"):
            for item in found:
                rows.row(
                    f"trap_{item.trap_id}",
                    _trap_html(view, item),
                    view.text("trap.open", name=words(view, item.name_en, item.name_zh)),
                    open_at,
                    ("trap", item.trap_id),
                )


def _trap_state(item: Trap) -> str:
    if item.is_triggered is None:
        return "unknown"
    return "error" if item.is_triggered else "fresh"


def _trap_html(view: View, item: Trap) -> str:
    state = {"unknown": "unknown", "error": "caught", "fresh": "clear"}[_trap_state(item)]
    about = words(view, item.question_en, item.question_zh)
    if item.is_triggered is None:
        about = reason(view, item.unknown_reason, item.unknown_reason_en, item.unknown_reason_zh)
    return (
        f'<div class="trap"><span>{html.dot(_trap_state(item))}'
        f"<b>{html.escape(words(view, item.name_en, item.name_zh) or item.trap_id)}</b>"
        f"<small>{html.escape(about)}</small></span>"
        f'<span class="num"><b>{html.escape(view.text(f"trap.{state}"))}</b>'
        f"<small>{html.escape(_trap_count(view, item))}</small></span></div>"
    )


def _trap_count(view: View, item: Trap) -> str:
    if item.count_cases is None:
        return "–"
    if item.count_examined is None:
        return view.text("trap.cases", count=formats.number(item.count_cases))
    if not item.count_examined:
        return view.text("trap.nothing_examined")
    return view.text(
        "trap.of_examined",
        count=formats.number(item.count_cases),
        examined=formats.number(item.count_examined),
    )


def _trap_content(view: View) -> None:
    trap_id = st.query_params.get("trap")
    item = next(
        (one for one in ask(view.version, health.traps) or () if one.trap_id == trap_id), None
    )
    if item is None:
        return
    state = {"unknown": "unknown", "error": "caught", "fresh": "clear"}[_trap_state(item)]
    st.html(
        f'<div class="passport-value">{html.escape(view.text(f"trap.{state}"))}'
        f"<small>{html.escape(words(view, item.question_en, item.question_zh))}</small></div>"
    )
    pairs = [(view.text("trap.share"), share(view, item.count_cases, item.count_examined))]
    if item.threshold_value is not None:
        pairs.append((view.text("trap.threshold"), _limit(item.threshold_value)))
    if item.is_triggered is None:
        why = reason(view, item.unknown_reason, item.unknown_reason_en, item.unknown_reason_zh)
        pairs.append((view.text("trap.why_unknown"), why))
    if item.recent_days is not None and item.count_examined_recent is not None:
        name = view.text("trap.recent", days=formats.number(item.recent_days))
        recent = share(view, item.count_cases_recent, item.count_examined_recent)
        pairs.append((name, recent))
    pairs += [
        (view.text("trap.first"), formats.moment(item.first_case_at, view.zone, view.language)),
        (view.text("trap.last"), formats.moment(item.last_case_at, view.zone, view.language)),
    ]
    st.html(html.facts(pairs))
    if item.is_triggered and words(view, item.remedy_en, item.remedy_zh):
        remedy = html.escape(words(view, item.remedy_en, item.remedy_zh))
        st.html(f'<div class="statement">→ {remedy}</div>')
    panel_head(
        view,
        view.text("trap.evidence"),
        view.text("trap.evidence_note"),
        f"trap_{item.trap_id}",
        lambda: health.export(connection_of(view.version), "trap", item.trap_id),
    )
    _trap_cases(view, item.trap_id)


def _limit(value: float) -> str:
    return formats.number(value, 0 if float(value).is_integer() else 2)


def _trap_cases(view: View, trap_id: str) -> None:
    first = ask(view.version, health.trap_cases, trap_id, 1, CASES_PER_PAGE)
    if first is None:
        rows.empty(missing(view, health.TRAP_EVIDENCE_MART))
        return
    if not first.count_all:
        rows.empty(view.text("trap.no_cases"))
        return
    body, foot = st.container(key="list_cases"), st.container()
    with foot:
        page = rows.pages(view, f"cases_{trap_id}", first.count_all, CASES_PER_PAGE)
    found = ask(view.version, health.trap_cases, trap_id, page, CASES_PER_PAGE)
    assert found is not None  # the same question was answered above
    with body:
        for number, item in enumerate(found.rows):
            case = _case_html(view, item)
            if item.subject_type in CUSTOMER_SUBJECTS and item.subject_id:
                label = view.text("account.open", name=item.subject_name or item.subject_id)
                rows.link_row(f"case_{number}", case, label, "account", customer=item.subject_id)
            else:
                st.html(case)


def _case_html(view: View, item: TrapCase) -> str:
    kind = view.text_or(f"subject.{item.subject_type}", item.subject_type or "")
    place = " ".join(part for part in (item.row_object, item.row_id) if part)
    name = html.escape(item.subject_name or item.subject_id or "")
    moment = html.escape(formats.moment(item.occurred_at, view.zone, view.language))
    return (
        f'<div class="evidence"><span><b>{name}</b><time>{moment}</time></span>'
        f"{html.escape(words(view, item.evidence_en, item.evidence_zh))}"
        f"<br><small>{html.escape(kind)} · {html.escape(place)}</small></div>"
    )


# Lead and lag


def lead_lag(view: View) -> None:
    """Whether organisational attainment comes before commercial improvement, and how surely."""
    with st.container(key="panel_lead_lag", height="stretch"):
        panel_head(view, view.text("lead_lag.title"), view.text("lead_lag.note"))
        found = ask(view.version, health.lead_lag)
        if not found:
            rows.empty(
                missing(view, health.LEAD_LAG_MART) if found is None else view.text("unknown.rows")
            )
            return
        best = next((item for item in found if item.is_best), None)
        st.html(_lead_lag_html(view, found, best))
        known = [item for item in found if item.association is not None]
        if not known:
            return
        st.plotly_chart(
            figure(
                view,
                "lead_lag",
                lambda: series.intervals(
                    [item.lag_weeks for item in known],
                    [item.association for item in known],
                    [item.association_low for item in known],
                    [item.association_high for item in known],
                    [_lag_words(view, item) for item in known],
                    best.lag_weeks if best and best.verdict == "leads" else None,
                ),
            ),
            config=CHART_CONFIG,
            key="lead_lag_chart",
            alt=view.text("lead_lag.title"),
        )
        headings = [
            (view.text(f"lead_lag.head_{name}"), "num") for name in ("lag", "value", "range", "n")
        ]
        body = [
            [
                html.Cell(formats.number(item.lag_weeks), classes="num"),
                html.Cell(points(item.association, 2), classes="num"),
                html.Cell(
                    f"{points(item.association_low, 2)} … {points(item.association_high, 2)}",
                    classes="num",
                ),
                html.Cell(formats.number(item.count_weeks or 0), classes="num"),
            ]
            for item in known
        ]
        st.html(details(view.text("lead_lag.table"), html.table(headings, body)))


def _lag_words(view: View, item: LeadLag) -> str:
    return view.text(
        "lead_lag.hover",
        lag=item.lag_weeks,
        value=points(item.association, 2),
        low=points(item.association_low, 2),
        high=points(item.association_high, 2),
        count=formats.number(item.count_weeks or 0),
    )


def _lead_lag_html(view: View, found: Sequence[LeadLag], best: LeadLag | None) -> str:
    shown = best or found[0]
    said = words(view, shown.explanation_en, shown.explanation_zh)
    if best is not None and best.verdict == "leads":
        head = view.text("lead_lag.leads", weeks=best.lag_weeks)
        pairs = [
            (
                view.text("lead_lag.size"),
                _with_range(best.size_ratio, best.size_low, best.size_high),
            ),
            (
                view.text("lead_lag.association"),
                f"{points(best.association, 2)} ({points(best.association_low, 2)} … "
                f"{points(best.association_high, 2)})",
            ),
            (view.text("lead_lag.weeks"), formats.number(best.count_weeks or 0)),
            *_sureness(view, best),
        ]
    else:
        head, pairs = view.text("lead_lag.cannot_tell"), []
    facts = html.facts(pairs) if pairs else ""
    return (
        f'<div class="statement"><b>{html.escape(head)}</b><p>{html.escape(said)}</p></div>{facts}'
    )


def _with_range(value: float | None, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return points(value, 1)
    return f"{points(value, 1)} ({points(low, 1)} … {points(high, 1)})"


def _sureness(view: View, item: LeadLag) -> list[tuple[str, str]]:
    """The interval of the lag, and how often chance would fit as well."""
    pairs = []
    if item.best_lag_low_weeks is not None and item.best_lag_high_weeks is not None:
        span = f"{points(item.best_lag_low_weeks, 0)} … {points(item.best_lag_high_weeks, 0)}"
        pairs.append((view.text("lead_lag.interval"), span))
    if item.chance_probability is not None:
        chance = formats.percent(item.chance_probability)
        pairs.append((view.text("lead_lag.chance"), chance))
    return pairs


# Roadmap


def roadmap(view: View) -> None:
    """Steps by phase, with what has been computed of their entry and exit."""
    with st.container(key="panel_roadmap"):
        found = ask(view.version, health.roadmap)
        panel_head(
            view,
            view.text("roadmap.title"),
            view.text("roadmap.note"),
            "roadmap",
            None if not found else lambda: health.export(connection_of(view.version), "roadmap"),
        )
        if not found:
            rows.empty(
                missing(view, health.STEP_MART) if found is None else view.text("unknown.rows")
            )
            return
        phases = list(dict.fromkeys(item.phase for item in found))  # in the order of the mart
        with st.grid(min(len(phases), 4), min_column_width=220, gap="small"):
            for phase in phases:
                own = [item for item in found if item.phase == phase]
                with st.container(key=f"phase_{phase}"):
                    st.html(f'<div class="phase">{html.escape(_phase_name(view, own[0]))}</div>')
                    for item in own:
                        rows.row(
                            f"step_{item.step_id}",
                            _step_html(view, item),
                            view.text("roadmap.open", name=words(view, item.name_en, item.name_zh)),
                            open_at,
                            ("step", item.step_id),
                        )


def _phase_name(view: View, item: Step) -> str:
    given = words(view, item.phase_name_en, item.phase_name_zh)
    return given or view.text_or(f"phase.{item.phase}", item.phase or "")


def _step_state(item: Step) -> str:
    if item.exit_met:
        return "done"
    if item.is_current:
        return "current"
    if item.exit_met is None and item.entry_met is None:
        return "unknown"
    return "reached" if item.entry_met else "ahead"


def _step_html(view: View, item: Step) -> str:
    state = _step_state(item)
    mark = {"done": "✓", "current": "▶", "unknown": "?", "reached": "·", "ahead": ""}[state]
    current = ' aria-current="step"' if item.is_current else ""
    said = view.text(f"roadmap.{state}")
    if item.count_criteria:
        count = fraction(item.count_criteria_met or 0, item.count_criteria)
        said = f"{said} · {view.text('roadmap.criteria_met', count=count)}"
    return (
        f'<div class="step {state}"{current}><i>{mark}</i><span>'
        f"<b>{html.escape(words(view, item.name_en, item.name_zh) or item.step_id)}</b>"
        f"<small>{html.escape(said)}</small></span></div>"
    )


def _met(view: View, value: bool | None) -> str:
    return view.text(f"roadmap.met_{'unknown' if value is None else str(value).lower()}")


def _step_content(view: View) -> None:
    step_id = st.query_params.get("step") or ""
    item = next(
        (one for one in ask(view.version, health.roadmap) or () if one.step_id == step_id), None
    )
    if item is None:
        return
    st.html(
        f'<div class="passport-value">{html.escape(view.text(f"roadmap.{_step_state(item)}"))}'
        f"<small>{html.escape(words(view, item.criteria_en, item.criteria_zh))}</small></div>"
    )
    st.html(
        html.facts(
            [
                (view.text("roadmap.entry"), _met(view, item.entry_met)),
                (view.text("roadmap.exit"), _met(view, item.exit_met)),
                (view.text("roadmap.phase"), _phase_name(view, item)),
            ]
        )
    )
    st.html(html.section(view.text("roadmap.criteria"), view.text("roadmap.criteria_note")))
    found = ask(view.version, health.criteria, step_id)
    if not found:
        rows.empty(
            missing(view, health.CRITERION_MART) if found is None else view.text("unknown.rows")
        )
        return
    with st.container(key="list_criteria"):
        for number, one in enumerate(found):
            body = _criterion_html(view, one)
            family = one.metric_id or ""
            if family in (WHOLE, *FAMILIES):
                label = view.text("health.open_family", name=_family_name(view, family))
                rows.row(f"criterion_{number}", body, label, _to_family, (family,))
            else:
                _metric_row(view, f"criterion_{number}", body, family)


def _to_family(family: str) -> None:
    url.write("step", None)
    open_at("family", family)


def _criterion_html(view: View, item: Criterion) -> str:
    state = "unknown" if item.is_met is None else "fresh" if item.is_met else "error"
    about = words(view, item.description_en, item.description_zh)
    name = about or metric_name(view, item.metric_id or "")
    if item.is_met is None:
        said = reason(view, item.unknown_reason, item.unknown_reason_en, item.unknown_reason_zh)
    else:
        is_value = item.measure != "attainment_points"
        metric_id = (item.metric_id or "") if is_value else ""
        sign = view.text_or(f"comparison.{item.comparison}", item.comparison or "")
        limit = _value(view, metric_id, item.limit_value)
        said = f"{_value(view, metric_id, item.actual_value)} · {sign} {limit}"
        if item.duration_weeks and item.count_weeks_met is not None:
            weeks = fraction(item.count_weeks_met, item.duration_weeks)
            said = f"{said} · {view.text('roadmap.weeks_met', count=weeks)}"
    kind = view.text_or(f"criterion.{item.criterion_kind}", item.criterion_kind or "")
    return (
        f'<div class="part"><span>{html.dot(state)}{html.escape(name)}'
        f"<small>{html.escape(kind)} · {html.escape(said)}</small></span>"
        f"<b>{html.escape(_met(view, item.is_met))}</b></div>"
    )


# Hit rate of the scores


def hit_rates(view: View) -> None:
    """What each score said about what happened afterwards."""
    with st.container(key="panel_hits"):
        found = ask(view.version, health.hit_rates)
        panel_head(view, view.text("hits.title"), view.text("hits.note"))
        if not found:
            rows.empty(
                missing(view, health.BACKTEST_SUMMARY_MART)
                if found is None
                else view.text("unknown.rows")
            )
            return
        with st.container(key="list_hits"):
            names = ("score", "verdict", "lift", "precision", "calibration", "n")
            st.html(
                '<div class="hit head">'
                + "".join(
                    f'<span class="{name}">{html.escape(view.text(f"hits.head_{name}"))}</span>'
                    for name in names
                )
                + "</div>"
            )
            for item in found:
                if item.segment not in (None, "all"):
                    continue
                name = score_name(view, item.score_id)
                rows.row(
                    f"hit_rate_{item.score_id}_{item.outcome}",
                    _hit_html(view, item),
                    view.text("hits.open", name=name),
                    open_at,
                    ("score", item.score_id),
                )


def score_name(view: View, score_id: str) -> str:
    return view.text_or(f"score.{score_id}", score_id)


def _verdict(view: View, item: HitRate) -> tuple[str, str]:
    """(state of the dot, words)"""
    if item.has_lift is None:
        return "unknown", view.text("hits.too_few")
    return (
        ("fresh", view.text("hits.lift")) if item.has_lift else ("warn", view.text("hits.no_lift"))
    )


def _outcome_name(view: View, item: HitRate) -> str:
    given = words(view, item.outcome_name_en, item.outcome_name_zh)
    return given or view.text_or(f"outcome.{item.outcome}", item.outcome or "")


def _lift(item: HitRate) -> str:
    if item.lift_top_decile is None:
        return formats.DASH
    said = f"× {points(item.lift_top_decile, 2)}"
    if item.lift_low is not None and item.lift_high is not None:
        said += f" ({points(item.lift_low, 2)} … {points(item.lift_high, 2)})"
    return said


def _hit_html(view: View, item: HitRate) -> str:
    state, verdict = _verdict(view, item)
    outcome = _outcome_name(view, item)
    counts = view.text(
        "hits.counts",
        outcomes=formats.number(item.count_outcomes or 0),
        subjects=formats.number(item.count_subjects or 0),
    )
    precision = formats.DASH
    if item.precision_at_n is not None:
        precision = formats.percent(item.precision_at_n)
        if item.top_n is not None:
            precision = view.text("hits.top_n", share=precision, count=item.top_n)
    base = ""
    if item.base_ratio is not None:
        base = view.text("hits.base", share=formats.percent(item.base_ratio))
    error = (
        formats.DASH if item.calibration_error is None else formats.percent(item.calibration_error)
    )
    name = html.escape(score_name(view, item.score_id))
    return (
        f'<div class="hit"><span class="score"><b>{name}</b>'
        f"<small>{html.escape(outcome)}</small></span>"
        f'<span class="verdict">{html.dot(state)}{html.escape(verdict)}</span>'
        f'<span class="lift">{html.escape(_lift(item))}</span>'
        f'<span class="precision">{html.escape(precision)}<small>{html.escape(base)}</small></span>'
        f'<span class="calibration">{html.escape(error)}</span>'
        f'<span class="n">{html.escape(counts)}</span></div>'
    )


def _score_content(view: View) -> None:
    score_id = st.query_params.get("score") or ""
    own = [one for one in ask(view.version, health.hit_rates) or () if one.score_id == score_id]
    if not own:
        return
    first = own[0]
    st.html(
        f'<div class="passport-value">{html.escape(_verdict(view, first)[1])}'
        f"<small>{html.escape(view.text('hits.how'))}</small></div>"
    )
    span = " – ".join(formats.day(day, view.language) for day in (first.first_day, first.last_day))
    pairs = [(view.text("hits.days"), span), (view.text("hits.head_lift"), _lift(first))]
    if first.has_lift is None:
        why = reason(view, first.unknown_reason, first.unknown_reason_en, first.unknown_reason_zh)
        pairs.append((view.text("trap.why_unknown"), why))
    st.html(html.facts(pairs))
    panel_head(
        view,
        view.text("hits.deciles"),
        view.text("hits.deciles_note"),
        f"hits_{score_id}",
        lambda: health.export(connection_of(view.version), "hits", score_id),
    )
    _deciles(view, score_id)
    st.html(html.section(view.text("hits.segments"), view.text("hits.segments_note")))
    headings = [
        (view.text("hits.head_segment"), ""),
        (view.text("hits.head_outcome"), ""),
        (view.text("hits.head_verdict"), ""),
        (view.text("hits.head_lift"), "num"),
        (view.text("hits.head_n"), "num"),
    ]
    body = []
    for item in own:
        state, verdict = _verdict(view, item)
        segment = item.segment or "all"
        name = (
            view.text("hits.everyone") if segment == "all" else view.code_label("industry", segment)
        )
        counts = fraction(item.count_outcomes, item.count_subjects)
        body.append(
            [
                html.Cell(name),
                html.Cell(_outcome_name(view, item)),
                html.Cell(verdict, status=state),
                html.Cell(_lift(item), classes="num"),
                html.Cell(counts, classes="num"),
            ]
        )
    st.html(html.table(headings, body))


def _deciles(view: View, score_id: str) -> None:
    found = ask(view.version, health.deciles, score_id)
    if not found:
        rows.empty(
            missing(view, health.BACKTEST_MART) if found is None else view.text("unknown.rows")
        )
        return
    headings = [
        (view.text("hits.head_decile"), "num"),
        (view.text("hits.head_mean"), "num"),
        (view.text("hits.head_ratio"), "num"),
        (view.text("hits.head_expected"), "num"),
        (view.text("hits.head_lift"), "num"),
        (view.text("hits.head_n"), "num"),
    ]
    largest = max([item.outcome_ratio or 0.0 for item in found] + [1e-9])
    body = [
        [
            html.Cell(formats.number(item.decile), classes="num"),
            html.Cell(points(item.mean_score), classes="num"),
            html.Cell(
                formats.DASH if item.outcome_ratio is None else formats.percent(item.outcome_ratio),
                part=(item.outcome_ratio or 0.0) / largest,
                classes="num",
            ),
            html.Cell(
                formats.DASH
                if item.expected_ratio is None
                else formats.percent(item.expected_ratio),
                classes="num muted",
            ),
            html.Cell(points(item.lift, 2), classes="num"),
            html.Cell(fraction(item.count_outcomes, item.count_subjects), classes="num muted"),
        ]
        for item in found
    ]
    st.html(html.table(headings, body))


def show(view: View) -> None:
    """Open the drawer that the URL names; a passport lies over all of them."""
    if family := opened(view, "family"):
        if family in (WHOLE, *FAMILIES):
            drawer(view, "family", _family_name(view, family), _family_content)
    elif trap_id := opened(view, "trap"):
        found = {one.trap_id: one for one in ask(view.version, health.traps) or ()}
        if trap_id in found:
            item = found[trap_id]
            title = words(view, item.name_en, item.name_zh) or trap_id
            drawer(view, "trap", title, _trap_content)
    elif step_id := opened(view, "step"):
        steps = {one.step_id: one for one in ask(view.version, health.roadmap) or ()}
        if step_id in steps:
            step = steps[step_id]
            drawer(view, "step", words(view, step.name_en, step.name_zh), _step_content)
    elif (score_id := opened(view, "score")) and any(
        one.score_id == score_id for one in ask(view.version, health.hit_rates) or ()
    ):
        drawer(view, "score", score_name(view, score_id), _score_content)
