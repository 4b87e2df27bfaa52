"""Sections of the intent page, and the account that it opens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

import pandas as pd
import streamlit as st

from streamlit_app.charts import figures
from streamlit_app.components import html, rows, url
from streamlit_app.components.downloads import downloads
from streamlit_app.components.overview import CHART_CONFIG
from streamlit_app.components.tiles import filter_words, open_passport, tiles
from streamlit_app.components.view import View
from streamlit_app.data import intent
from streamlit_app.data import metrics as semantic
from streamlit_app.data.catalogue import Metric
from streamlit_app.data.filters import dimension
from streamlit_app.data.intent import Account, Event, Evidence, Factor, Group, Signals
from streamlit_app.data.version import ask, connection_of
from streamlit_app.i18n import formats

SIGNAL_METRIC = "intent_signal_count"
ACCOUNTS_PER_PAGE = 12
EVENTS_PER_PAGE = 25
SHOWN_FACTORS = 3


def search() -> str:
    """What the URL searches for."""
    return st.query_params.get("search") or ""


def page_metrics(view: View, marts: Sequence[str]) -> list[Metric]:
    """Metrics of the marts that a page is about, in the order of the marts."""
    found = [item for item in view.metrics if item.mart in marts]
    return sorted(found, key=lambda item: marts.index(item.mart))


def headline(view: View, marts: Sequence[str] = intent.METRIC_MARTS, key: str = "intent") -> None:
    """The catalogue's metrics of the page, each with its passport."""
    chosen = page_metrics(view, marts)
    st.html(html.section(view.text(f"{key}.headline"), filter_words(view)))
    if not chosen:
        rows.empty(view.text("not_here.metrics"))
        return
    results = ask(
        view.version,
        semantic.evaluate_many,
        tuple(chosen),
        view.state.selected,
        view.state.period,
    )
    tiles(view, chosen, results, columns=len(chosen) if len(chosen) in (6, 7) else 5)


def missing(view: View, mart: str) -> str:
    """Why there is nothing: an older version, or a filter that does not apply."""
    if mart in ask(view.version, intent.published):
        return view.text("not_here.filter")
    return view.text("not_here.version", mart=mart)


def _signals(view: View, by: str) -> Signals | None:
    return ask(view.version, intent.signals, view.state.selected, view.state.period, by)


def _panel_head(view: View, place: str, title: str, note: str, what: str) -> None:
    """Title, the way to the metric's rows, and files."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(html.panel_title(title, note), width="stretch")
        if view.metric(SIGNAL_METRIC) is not None:
            st.button(
                view.text("passport.link"),
                key=f"link_{place}",
                type="tertiary",
                on_click=open_passport,
                args=(SIGNAL_METRIC,),
            )
        if what in ("signal", "industry"):
            _group_files(view, what, title)
        elif what:
            _files(view, what, title, filter_words(view))


def _group_files(view: View, by: str, title: str) -> None:
    found = _signals(view, by)
    if found is not None:
        names = [_group_name(view, group, by) for group in found.groups]
        downloads(
            view,
            f"intent_by_{by}",
            title,
            filter_words(view),
            lambda: intent.groups_table(found, names),
        )


def _group_name(view: View, group: Group, by: str) -> str:
    if group.key is None:
        return view.text("filter.unknown_value")
    return view.code_label(dimension(by).code_list, group.key)


def _files(
    view: View, what: str, title: str, selection: str, search: str = "", key: str = ""
) -> None:
    state = view.state
    downloads(
        view,
        f"intent_{what}",
        title,
        selection,
        lambda: intent.export(
            connection_of(view.version), what, state.selected, state.period, search, key
        ),
    )


def over_time(view: View) -> None:
    """All signals of the selection over time, beside the period before."""
    with st.container(key="panel_intent_time", height="stretch"):
        found = _signals(view, "signal")
        note = "" if found is None else view.text(f"grain.{found.grain}")
        _panel_head(view, "intent_time", view.text("intent.over_time"), note, "signals")
        if found is None or not found.groups:
            rows.empty(missing(view, intent.SIGNAL_MART) if found is None else _no_rows(view))
            return
        st.plotly_chart(
            _time_figure(view, found),
            config=CHART_CONFIG,
            key="intent_time_chart",
            alt=view.text("intent.over_time"),
        )


def _no_rows(view: View) -> str:
    return view.text("unknown.rows")


def _time_figure(view: View, found: Signals) -> object:
    def words(day: date, count: int) -> str:
        bucket = formats.bucket(day, found.grain, view.language)
        return f"{formats.number(count)}  ({bucket})"

    frame = pd.DataFrame({"day": found.buckets, "value": found.totals})
    frame["value_text"] = [
        words(day, count) for day, count in zip(found.buckets, found.totals, strict=True)
    ]
    highest = max(found.totals)
    if found.previous:
        # The two periods may differ by a bucket; the older one is laid on from its end.
        aligned = found.previous[-len(frame) :]
        frame["previous"] = [None] * (len(frame) - len(aligned)) + list(aligned)
        frame["previous_text"] = [
            "" if pd.isna(value) else formats.number(value) for value in frame["previous"]
        ]
        highest = max(highest, *aligned)
    return figures.trend(
        frame,
        view.text("trend.this_period"),
        view.text("trend.before"),
        _ticks(view, found.buckets, found.grain, highest),
        height=290,
    )


def _ticks(view: View, days: Sequence[date], grain: str, highest: float) -> figures.Ticks:
    shown = figures.spread(days, 6)
    steps = figures.value_steps(0, highest)
    return figures.Ticks(
        shown,
        tuple(formats.tick(day, grain, view.language) for day in shown),
        steps,
        tuple(formats.axis(value, "count", view.language) for value in steps),
    )


def _change_cell(view: View, count: int, previous: int | None) -> html.Cell:
    if previous is None:
        return html.Cell(formats.DASH, classes="num muted")
    words = formats.change(count, previous, "count", view.language)
    title = view.text("tile.was", value=formats.number(previous))
    if words is None:
        return html.Cell(title if count != previous else formats.DASH, classes="num muted")
    arrow = "▲ " if count > previous else "▼ " if count < previous else ""
    return html.Cell(arrow + words, title=title, classes="num")


def _group_cells(view: View, found: Signals, group: Group, by: str) -> list[html.Cell]:
    name = html.Cell(_group_name(view, group, by), classes="" if group.key else "muted")
    # Each row has its own scale: the shape is compared, the count stands beside it.
    highest = max([*group.counts, 1])
    bars = tuple(
        (
            count / highest,
            f"{formats.bucket(day, found.grain, view.language)}: {formats.number(count)}",
        )
        for day, count in zip(found.buckets, group.counts, strict=True)
    )
    return [
        name,
        html.Cell("", columns=bars, classes="graph"),
        html.Cell(formats.number(group.count), classes="num"),
        _change_cell(view, group.count, group.previous),
    ]


def by_industry(view: View) -> None:
    """Signals of each industry over time."""
    with st.container(key="panel_intent_industry", height="stretch"):
        title = view.text("intent.by_industry")
        found = _signals(view, "industry")
        _panel_head(view, "intent_industry", title, view.text("intent.own_scale"), "industry")
        if found is None or not found.groups:
            rows.empty(missing(view, intent.SIGNAL_MART) if found is None else _no_rows(view))
            return
        headings = [
            (view.text("dimension.industry"), ""),
            (view.text(f"grain.{found.grain}"), "graph"),
            (view.text("intent.signals"), "num"),
            (view.text("tile.before"), "num"),
        ]
        cells = [_group_cells(view, found, group, "industry") for group in found.groups]
        st.html(html.table(headings, cells))


def by_class(view: View) -> None:
    """Signal classes over time, with weight, half-life and what to do when one is seen."""
    with st.container(key="panel_intent_class"):
        title = view.text("intent.by_class")
        found = _signals(view, "signal")
        _panel_head(view, "intent_class", title, view.text("intent.by_class_note"), "signal")
        if found is None or not found.groups:
            rows.empty(missing(view, intent.SIGNAL_MART) if found is None else _no_rows(view))
            return
        rules = ask(view.version, intent.signal_rules)
        seen = {group.key for group in found.groups}
        blank = tuple(0 for _ in found.buckets)
        # A class that was not seen is worth knowing too.
        unseen = [Group(key, blank, 0, 0) for key in sorted(rules) if key not in seen]
        if view.state.values("signal"):
            unseen = []
        headings = [
            (view.text("dimension.signal"), ""),
            (view.text(f"grain.{found.grain}"), "graph"),
            (view.text("intent.signals"), "num"),
            (view.text("tile.before"), "num"),
            (view.text("intent.accounts"), "num"),
            (view.text("intent.weight"), "num"),
            (view.text("intent.half_life"), "num"),
            (view.text("intent.play"), "wrap"),
        ]
        body = []
        for group in (*found.groups, *unseen):
            rule = rules.get(group.key or "")
            cells = _group_cells(view, found, group, "signal")
            if group in unseen:
                cells[3] = html.Cell(formats.DASH, classes="num muted")
            cells.append(html.Cell(formats.number(group.count_accounts), classes="num"))
            cells.append(html.Cell(_plain(rule.weight if rule else None), classes="num muted"))
            half_life = _days(view, rule.half_life_days if rule else None)
            cells.append(html.Cell(half_life, classes="num muted"))
            play = in_language(view, rule.play) if rule else ""
            cells.append(html.Cell(play or formats.DASH, classes="wrap muted"))
            body.append(cells)
        st.html(html.table(headings, body))


def in_language(view: View, texts: tuple[str | None, str | None]) -> str:
    return texts[view.language == "zh"] or texts[0] or ""


def _plain(value: Decimal | None) -> str:
    """A decimal as it stands, without idle zeros."""
    if value is None:
        return formats.DASH
    text = f"{value.normalize():f}"
    return text.replace("-", "−")


def _days(view: View, value: Decimal | None) -> str:
    """A half-life as the rule states it."""
    if value is None:
        return formats.DASH
    gap = "" if view.language == "zh" else " "
    return f"{_plain(value)}{gap}{view.text('unit.days')}"


def points_text(value: Decimal | float | None, digits: int = 1) -> str:
    return formats.DASH if value is None else formats.number(float(value), digits)


def open_account(account_id: str) -> None:
    """Callback: the URL names the account, so that a link opens it too."""
    url.write("passport", None)
    url.write("hit", None)
    url.write("account", account_id)


def _close_account() -> None:
    url.write("account", None)
    url.write("hit", None)


def _open_hit(signal_hit_id: str) -> None:
    url.write("hit", signal_hit_id)


def _close_hit() -> None:
    url.write("hit", None)


def accounts(view: View, search: str) -> None:
    """Accounts by score; each row shows what the score is made of and opens the account."""
    order = _order()
    with st.container(key="panel_intent_accounts"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            title = view.text("intent.by_score")
            st.html(html.panel_title(title, view.text("intent.by_score_note")), width="stretch")
            url.show_in_widget("intent_order", order)
            st.selectbox(
                view.text("passport.sort"),
                intent.ACCOUNT_ORDERS,
                key="intent_order",
                format_func=lambda name: view.text(f"intent.order_{name}"),
                on_change=url.write_from_widget,
                args=("sort", "intent_order", intent.ACCOUNT_ORDERS[0]),
                label_visibility="collapsed",
                width=170,
            )
            _files(view, "accounts", title, _account_words(view, search), search)
        body, foot = st.container(key="list_accounts"), st.container()
        first = ask(view.version, intent.accounts, view.state.selected, search, order, 1, 1)
        if first is None:
            with body:
                rows.empty(missing(view, intent.ACCOUNT_MART))
            return
        if not first.count_all:
            with body:
                rows.empty(view.text("intent.no_accounts"))
            return
        with foot:
            page = rows.pages(view, "intent_page", first.count_all, ACCOUNTS_PER_PAGE)
        found = ask(
            view.version,
            intent.accounts,
            view.state.selected,
            search,
            order,
            page,
            ACCOUNTS_PER_PAGE,
        )
        assert found is not None  # the same question was answered above
        with body:
            st.html(_account_head(view))
            for number, item in enumerate(found.rows):
                rows.row(
                    f"account_{number}",
                    _account_html(view, item, found.highest or Decimal(1)),
                    view.text("intent.open", name=item.account_name or item.account_id),
                    open_account,
                    (item.account_id,),
                )


def _order() -> str:
    wanted = st.query_params.get("sort")
    return wanted if wanted in intent.ACCOUNT_ORDERS else intent.ACCOUNT_ORDERS[0]


def _account_words(view: View, search: str) -> str:
    words = filter_words(view)
    return f"{words} · {view.text('filter.search')}: {search}" if search else words


def _account_head(view: View) -> str:
    names = ("account", "made_of", "score", "change", "last_signal")
    cells = "".join(
        f'<span class="{name}">{html.escape(view.text(f"intent.head_{name}"))}</span>'
        for name in names
    )
    return f'<div class="account head">{cells}</div>'


def _account_html(view: View, item: Account, highest: Decimal) -> str:
    about = " · ".join(
        words
        for words in (
            view.code_label("industry", item.industry) if item.industry else "",
            item.region or "",
            item.rep_name or "",
        )
        if words
    )
    last = formats.DASH
    if item.last_signal_at is not None:
        last = formats.day(item.last_signal_at.date(), view.language)
    return (
        '<div class="account">'
        f'<span class="account"><b>{html.escape(item.account_name or item.account_id)}</b>'
        f"<small>{html.escape(about)}</small></span>"
        f'<span class="made_of">{_made_of(view, item, highest)}</span>'
        f'<span class="score">{html.escape(points_text(item.score_points))}</span>'
        f'<span class="change">{_rise(item)}</span>'
        f'<span class="last_signal">{html.escape(last)}</span></div>'
    )


def _rise(item: Account) -> str:
    if item.score_points is None or item.points_before is None:
        return f'<em class="muted">{formats.DASH}</em>'
    rise = round(item.score_points, 1) - round(item.points_before, 1)
    if not rise:
        return '<em class="muted">0.0</em>'
    arrow = "▲" if rise > 0 else "▼"
    return f"{arrow} {html.escape(formats.number(abs(float(rise)), 1))}"


def _made_of(view: View, item: Account, highest: Decimal) -> str:
    """A bar in parts as long as the score, and the same parts as a sum."""
    if not item.factors or item.score_points is None:
        return f'<em class="muted">{html.escape(view.text("intent.no_factors"))}</em>'
    shown = item.factors[:SHOWN_FACTORS]
    rest = item.factors[SHOWN_FACTORS:]
    points = [factor.points for factor in shown]
    names = [view.code_label("intent_signal", factor.signal_id) for factor in shown]
    if rest:
        points.append(sum((factor.points for factor in rest), Decimal(0)))
        names.append(view.text("intent.more_factors", count=len(rest)))
    rounded = intent.rounded_parts(points, 1)
    parts = "".join(
        f'<i class="part{index}" style="width:{float(part / highest) * 100:.2f}%" '
        f'title="{html.escape(f"{name}: {points_text(amount)}")}"></i>'
        for index, (part, name, amount) in enumerate(zip(points, names, rounded, strict=True))
    )
    terms = " + ".join(
        f"<span>{html.escape(name)} <b>{html.escape(points_text(amount))}</b></span>"
        for name, amount in zip(names, rounded, strict=True)
    )
    return f'<span class="parts">{parts}</span><span class="terms">{terms}</span>'


def show_account(view: View) -> None:
    """Open the account that the URL names; nothing where it names none, or a passport too."""
    account_id = st.query_params.get("account")
    if not account_id or view.state.passport is not None:
        return
    found = ask(view.version, intent.account, account_id)
    if found is None:
        return
    name = found.account_name or account_id
    st.dialog(name, width=860, position="right", on_dismiss=_close_account)(_account_content)(
        view, found
    )


def _account_content(view: View, item: Account) -> None:
    hit_id = st.query_params.get("hit")
    if hit_id:
        hit_content(view, hit_id)
        return
    st.html(_account_score(view, item))
    st.html(html.facts(_account_facts(view, item)))
    _history(view, item)
    _factor_table(view, item)
    _contacts(view, item)
    _timeline(view, item)


def _account_score(view: View, item: Account) -> str:
    words = []
    if item.intent_level:
        words.append(view.text_or(f"intent_level.{item.intent_level}", item.intent_level))
    if item.points_before is not None:
        words.append(view.text("intent.was_before", points=points_text(item.points_before)))
    unit = html.escape(view.text("intent.points"))
    note = html.escape(" · ".join(words))
    return (
        f'<div class="passport-value">{html.escape(points_text(item.score_points))} '
        f'<span class="others">{unit}</span><small>{note}</small></div>'
    )


def _account_facts(view: View, item: Account) -> list[tuple[str, str]]:
    def count(value: int | None) -> str:
        return formats.DASH if value is None else formats.number(value)

    return [
        (
            view.text("dimension.industry"),
            view.code_label("industry", item.industry) if item.industry else formats.DASH,
        ),
        (view.text("dimension.region"), item.region or formats.DASH),
        (view.text("dimension.team"), item.team_name or formats.DASH),
        (view.text("dimension.rep"), item.rep_name or formats.DASH),
        (
            view.text("intent.head_last_signal"),
            formats.moment(item.last_signal_at, view.zone, view.language),
        ),
        (view.text("intent.open_opportunities"), count(item.count_open_opportunities)),
        (view.text("intent.open_leads"), count(item.count_open_leads)),
        (view.text("column.account_id"), item.account_id),
    ]


def _history(view: View, item: Account) -> None:
    st.html(html.section(view.text("intent.history"), view.text("intent.history_note")))
    found = ask(view.version, intent.score_history, item.account_id)
    if found is None or len(found) < 2:
        rows.empty(
            missing(view, intent.SCORE_MART) if found is None else view.text("intent.no_history")
        )
        return
    days = [day for day, _ in found]
    frame = pd.DataFrame(found, columns=["day", "value"])
    frame["value_text"] = [
        f"{points_text(value)}  ({formats.day(day, view.language)})" for day, value in found
    ]
    st.plotly_chart(
        figures.trend(
            frame,
            view.text("intent.head_score"),
            "",
            _ticks(view, days, "day", max(value for _, value in found)),
            height=170,
        ),
        config=CHART_CONFIG,
        key="intent_history_chart",
        alt=view.text("intent.history"),
    )


def _dialog_head(view: View, what: str, title: str, note: str, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.html(html.section(title, note), width="stretch")
        _files(view, what, title, key, key=key)


def _factor_table(view: View, item: Account) -> None:
    title = view.text("intent.factors")
    _dialog_head(view, "factors", title, view.text("intent.factors_note"), item.account_id)
    if not item.factors:
        rows.empty(view.text("intent.no_factors"))
        return
    st.html(factor_table(view, item.factors))


def factor_table(view: View, found: Sequence[Factor]) -> str:
    """Factors with all their digits, and their sum."""
    # As many digits as the longest has: the reader can add up what is written.
    digits = max(_digits(factor.points) for factor in found)
    total = sum((factor.points for factor in found), Decimal(0))
    rules = ask(view.version, intent.signal_rules)
    largest = float(max(factor.points for factor in found)) or 1.0
    body = []
    for factor in found:
        rule = rules.get(factor.signal_id)
        half_life = _days(view, rule.half_life_days if rule else None)
        share = float(factor.points / total) if total else 0.0
        body.append(
            [
                html.Cell(view.code_label("intent_signal", factor.signal_id)),
                html.Cell(
                    formats.DASH
                    if factor.count_hits is None
                    else formats.number(factor.count_hits),
                    classes="num",
                ),
                html.Cell(half_life, classes="num muted"),
                html.Cell(
                    formats.number(float(factor.points), digits),
                    part=float(factor.points) / largest,
                    classes="num",
                ),
                html.Cell(formats.percent(share, 0), classes="num muted"),
            ]
        )
    body.append(
        [
            html.Cell(view.text("intent.sum"), classes="sum"),
            html.Cell("", classes="sum"),
            html.Cell("", classes="sum"),
            html.Cell(formats.number(float(total), digits), classes="num sum"),
            html.Cell("", classes="sum"),
        ]
    )
    headings = [
        (view.text("dimension.signal"), ""),
        (view.text("intent.signals"), "num"),
        (view.text("intent.half_life"), "num"),
        (view.text("intent.head_points"), "num"),
        (view.text("intent.share"), "num"),
    ]
    return html.table(headings, body)


def _digits(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _contacts(view: View, item: Account) -> None:
    found = ask(view.version, intent.contact_scores, item.account_id)
    if not found:
        return
    st.html(html.section(view.text("intent.contacts"), view.text("intent.contacts_note")))
    largest = max(contact.points for contact in found)
    has_titles = any(contact.title for contact in found)
    headings = [(view.text("intent.contact"), "")]
    headings += [(view.text("intent.title"), "")] if has_titles else []
    headings += [(view.text("intent.head_points"), "num")]
    body = []
    for contact in found[:8]:
        cells = [html.Cell(contact.contact_name or contact.contact_id)]
        if has_titles:
            cells.append(html.Cell(contact.title or formats.DASH, classes="muted"))
        part = float(contact.points / largest)
        cells.append(html.Cell(points_text(contact.points), part=part, classes="num"))
        body.append(cells)
    st.html(html.table(headings, body))


def _timeline(view: View, item: Account) -> None:
    title = view.text("intent.timeline")
    _dialog_head(view, "timeline", title, view.text("intent.timeline_note"), item.account_id)
    everything = ask(view.version, intent.timeline, item.account_id, (), 1, 1)
    if everything is None:
        rows.empty(missing(view, intent.TIMELINE_MART))
        return
    if not everything.count_all:
        rows.empty(view.text("intent.no_events"))
        return
    counts = dict(everything.counts)
    kinds: Sequence[str] = st.pills(
        view.text("intent.kinds"),
        list(counts),
        key=f"kinds_{item.account_id}",
        selection_mode="multi",
        format_func=lambda kind: f"{kind_name(view, kind)} {formats.number(counts[kind])}",
        label_visibility="collapsed",
    )
    chosen = tuple(kind for kind in counts if kind in kinds)
    count_all = sum(counts[kind] for kind in chosen or counts)
    body, foot = st.container(key="timeline"), st.container()
    with foot:
        page = rows.pages(view, f"events_{item.account_id}", count_all, EVENTS_PER_PAGE)
    found = ask(view.version, intent.timeline, item.account_id, chosen, page, EVENTS_PER_PAGE)
    assert found is not None  # the same question was answered above
    with body:
        show_events(view, found.events)


def kind_name(view: View, kind: str) -> str:
    return view.text_or(f"kind.{kind}", kind)


def show_events(view: View, events: Iterable[Event]) -> None:
    """Events under their days; each signal is a button that opens its raw rows."""
    waiting: list[str] = []
    shown_day = ""
    for number, event in enumerate(events):
        moment = formats.moment(event.occurred_at, view.zone, view.language)
        day, _, clock = moment.rpartition(" ")
        if day != shown_day:
            waiting.append(f'<div class="day">{html.escape(day)}</div>')
            shown_day = day
        body = _event_html(view, event, clock)
        if event.signal_hit_id is None:
            waiting.append(body)
            continue
        if waiting:
            st.html("".join(waiting))
            waiting = []
        label = view.text("intent.open_evidence", name=in_language(view, event.title))
        rows.row(f"hit_{number}", body, label, _open_hit, (event.signal_hit_id,))
    if waiting:
        st.html("".join(waiting))


def _event_html(view: View, event: Event, clock: str) -> str:
    more = ""
    if event.signal_hit_id is not None:
        count = (
            view.text("intent.evidence")
            if event.count_evidence is None
            else view.text("intent.count_evidence", count=formats.number(event.count_evidence))
        )
        more = f"<em>{html.escape(count)} ›</em>"
    words = " · ".join(part for part in (event.contact_name, event.detail) if part)
    detail = f"<small>{html.escape(words)}</small>" if words else ""
    title = in_language(view, event.title) or kind_name(view, event.kind)
    return (
        f'<div class="event {html.escape(event.kind)}"><time>{html.escape(clock)}</time><i></i>'
        f"<span><b>{html.escape(title)}</b>{detail}</span>"
        f'<span class="kind">{html.escape(kind_name(view, event.kind))}{more}</span></div>'
    )


def hit_content(view: View, signal_hit_id: str) -> None:
    """A signal down to its raw rows: file and line, address, or text."""
    st.button(
        view.text("intent.back"),
        key="link_back",
        type="tertiary",
        icon=":material/arrow_back:",
        on_click=_close_hit,
    )
    hit = ask(view.version, intent.signal_hit, signal_hit_id)
    if hit is None:
        rows.empty(view.text("intent.no_hit"))
        return
    rule = ask(view.version, intent.signal_rules).get(hit.signal_id)
    name = html.escape(view.code_label("intent_signal", hit.signal_id))
    about = html.escape(in_language(view, rule.description) if rule else "")
    st.html(f'<div class="passport-value">{name}<small>{about}</small></div>')
    pairs = [
        (
            view.text("column.occurred_at"),
            formats.moment(hit.occurred_at, view.zone, view.language),
        ),
        (view.text("intent.contact"), hit.contact_name or formats.DASH),
        (view.text("intent.weight"), _plain(hit.weight)),
        (view.text("intent.half_life"), _days(view, hit.half_life_days)),
        (view.text("intent.rule_version"), hit.signal_version or formats.DASH),
        (view.text("intent.hit_id"), hit.signal_hit_id),
    ]
    st.html(html.facts(pairs))
    if rule is not None and in_language(view, rule.play):
        play = html.escape(in_language(view, rule.play))
        st.html(
            f'<div class="sum-line"><b>{html.escape(view.text("intent.play"))}:</b> {play}</div>'
        )
    title = view.text("intent.raw_rows")
    _dialog_head(view, "evidence", title, view.text("intent.raw_rows_note"), signal_hit_id)
    found = ask(view.version, intent.evidence, signal_hit_id)
    if not found:
        words = missing(view, intent.EVIDENCE_MART) if found is None else _no_rows(view)
        rows.empty(words)
        return
    st.html("".join(_evidence_html(view, item) for item in found))
    if hit.count_evidence is not None and hit.count_evidence > len(found):
        st.caption(
            view.text(
                "trust.shown",
                shown=formats.number(len(found)),
                count=formats.number(hit.count_evidence),
            )
        )


def _evidence_html(view: View, item: Evidence) -> str:
    """One raw row: when, what it says, and where it lies."""
    kind = view.text_or(f"evidence.{item.evidence_object}", item.evidence_object)
    moment = formats.moment(item.evidence_at, view.zone, view.language)
    says = ""
    if item.url:
        says += f"<code>{html.escape(item.url)}</code>"
    if item.text_excerpt:
        says += f"<q>{html.marked(item.text_excerpt, item.keywords)}</q>"
    if item.source_file:
        line = "" if item.source_row is None else f":{item.source_row}"
        place = f"{item.source_system or ''} {item.source_file}{line}"
    else:
        # Ids begin with their system.
        place = item.evidence_id or item.source_system or ""
    if item.engaged_seconds is not None:
        minutes = formats.shown(item.engaged_seconds / 60, "minutes", view.language)
        place += f" · {view.text('intent.engaged', time=minutes)}"
    return (
        f'<div class="evidence"><span><b>{html.escape(kind)}</b>'
        f"<time>{html.escape(moment)}</time></span>{says}"
        f"<small>{html.escape(place.strip())}</small></div>"
    )
