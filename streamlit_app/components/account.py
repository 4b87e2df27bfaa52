"""Sections of the page *Account*: one customer, whatever systems know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from streamlit_app.components import html, intent, rows, url
from streamlit_app.components import relationships as relationship_parts
from streamlit_app.components.contact_load import segment_name
from streamlit_app.components.downloads import downloads
from streamlit_app.components.layout import halves
from streamlit_app.components.parts import (
    drawer,
    missing,
    opened,
    panel_head,
    points,
    signed,
    tone,
    words,
)
from streamlit_app.components.view import View
from streamlit_app.data import customers, relationships
from streamlit_app.data import intent as intent_data
from streamlit_app.data.customers import (
    Customer,
    Opportunity,
    Person,
    Record,
    Review,
    Score,
    Star,
    TouchEvent,
)
from streamlit_app.data.intent import Event
from streamlit_app.data.version import ask, connection_of
from streamlit_app.i18n import formats

EVENTS_PER_PAGE = 20


def chosen(view: View) -> Customer | None:
    """The customer that the URL names."""
    wanted = st.query_params.get("customer")
    return ask(view.version, customers.customer, wanted) if wanted else None


def _ids(view: View, item: Customer) -> tuple[str, ...]:
    return ask(view.version, customers.account_ids, item.customer_id)


def find(view: View, item: Customer | None) -> None:
    """Search for a customer; what is found opens it."""
    wanted = st.query_params.get("customer")
    words_searched = intent.search()
    with st.container(key="filters", horizontal=True, vertical_alignment="center"):
        url.show_in_widget("filter_search", words_searched)
        st.text_input(
            view.text("account.search"),
            key="filter_search",
            placeholder=view.text("account.search"),
            on_change=url.write_from_widget,
            args=("search", "filter_search"),
            label_visibility="collapsed",
            icon=":material/search:",
            max_chars=80,
            width=320,
        )
    if item is not None and not words_searched:
        return
    with st.container(key="panel_found"):
        found = ask(view.version, customers.find, words_searched)
        note = ""
        if wanted and item is None:
            note = view.text("account.not_found", customer=wanted)
        panel_head(view, view.text("account.found"), note)
        if found is None:
            rows.empty(missing(view, customers.CUSTOMER_MART))
            return
        if not found:
            rows.empty(view.text("account.none_found"))
            return
        with st.container(key="list_found"):
            for number, one in enumerate(found):
                about = " · ".join(
                    part
                    for part in (
                        view.code_label("industry", one.industry) if one.industry else "",
                        one.region or "",
                        one.source_systems or "",
                    )
                    if part
                )
                name = one.customer_name or one.customer_id
                body = (
                    f'<div class="part"><span><b>{html.escape(name)}</b>'
                    f"<small>{html.escape(about)}</small></span></div>"
                )
                rows.row(
                    f"found_{number}",
                    body,
                    view.text("account.open", name=name),
                    _open,
                    (one.customer_id,),
                )


def _open(customer_id: str) -> None:
    url.write("search", None)
    url.write("focus", None)
    url.write("customer", customer_id)


def head(view: View, item: Customer) -> None:
    """Who the customer is, and what the systems say of it."""
    name = item.customer_name or item.customer_id
    st.html(f'<div class="customer-name"><h1>{html.escape(name)}</h1></div>')
    pairs = [
        ("dimension.industry", view.code_label("industry", item.industry) if item.industry else ""),
        ("account.segment", segment_name(view, item.segment) if item.segment else ""),
        ("dimension.region", item.region or ""),
        ("account.city", " · ".join(part for part in (item.city, item.country) if part)),
        ("account.tier", view.code_label("account_tier", item.tier) if item.tier else ""),
        (
            "account.size",
            "" if item.size_employees is None else formats.number(item.size_employees),
        ),
        ("dimension.team", item.team_name or item.team_id or ""),
        ("dimension.rep", item.owner_rep_name or item.owner_rep_id or ""),
        ("account.tax_id", item.tax_id or ""),
        ("account.domain", item.web_domain or ""),
        ("account.parent", item.parent_customer_name or item.parent_customer_id or ""),
        ("account.systems", item.source_systems or ""),
        (
            "account.accounts",
            "" if item.count_accounts is None else formats.number(item.count_accounts),
        ),
        (
            "account.persons",
            "" if item.count_persons is None else formats.number(item.count_persons),
        ),
        ("column.customer_id", item.customer_id),
    ]
    st.html(html.facts([(view.text(key), value or formats.DASH) for key, value in pairs]))


# Scores


def scores(view: View, item: Customer) -> None:
    """Depth, breadth and intent, what each is made of and what would move it."""
    found = ask(view.version, relationships.relationship, item.customer_id)
    st.html(html.section(view.text("account.scores"), view.text("account.scores_note")))
    with st.grid(3, min_column_width=280, gap="xsmall"):
        for index in relationship_parts.INDICES:
            with st.container(key=f"panel_{index}", height="stretch"):
                title = view.text(f"index.{index}")
                if found is None:
                    st.html(html.panel_title(title))
                    rows.empty(
                        missing(view, relationships.ACCOUNT_MART)
                        if relationships.ACCOUNT_MART
                        not in ask(view.version, intent_data.published)
                        else view.text("account.no_index")
                    )
                    continue
                st.html(html.panel_title(title, view.text(f"index.{index}_formula")))
                value = found.points(index)
                before = getattr(found, f"{index}_points_4w_ago")
                change = None if value is None or before is None else float(value - before)
                st.html(_value_html(view, None if value is None else float(value), change))
                st.html(relationship_parts.factor_table(view, found, index))
        with st.container(key="panel_intent_score", height="stretch"):
            _intent(view, item)
    if found is not None and words(view, found.play_en, found.play_zh):
        play = html.escape(words(view, found.play_en, found.play_zh))
        quadrant = html.escape(relationship_parts.quadrant_name(view, found.quadrant))
        st.html(f'<div class="statement"><b>{quadrant}</b><p>→ {play}</p></div>')


def _value_html(view: View, value: float | None, change: float | None) -> str:
    said = "" if change is None else f"{signed(change)} {view.text('account.four_weeks')}"
    return (
        f'<div class="tile short"><div class="tile-value">{html.escape(points(value))}'
        f'<span class="unit">{html.escape(view.text("health.of_100"))}</span></div>'
        f'<div class="tile-change {tone(change)}"><b>{html.escape(said)}</b></div></div>'
    )


def _intent(view: View, item: Customer) -> None:
    st.html(html.panel_title(view.text("account.intent"), view.text("account.intent_note")))
    found = ask(view.version, customers.intent_score, _ids(view, item))
    if found is None:
        is_published = intent_data.ACCOUNT_MART in ask(view.version, intent_data.published)
        rows.empty(
            view.text("account.no_intent")
            if is_published
            else missing(view, intent_data.ACCOUNT_MART)
        )
        return
    st.html(_intent_value(view, found))
    if found.factors:
        st.html(_intent_factors(view, found))


def _intent_factors(view: View, found: Score) -> str:
    """The signals that the score is the sum of; what is shown adds up to what is shown above."""
    rounded = intent_data.rounded_parts([factor.points for factor in found.factors], 1)
    largest = max(factor.points for factor in found.factors)
    body = ""
    for factor, value in zip(found.factors, rounded, strict=True):
        name = html.escape(view.code_label("intent_signal", factor.signal_id))
        count = f"{view.text('intent.signals')}: {formats.number(factor.count_hits or 0)}"
        part = float(factor.points / largest) * 100 if largest else 0.0
        body += (
            f'<div class="part factor"><span><b>{name}</b><small>{html.escape(count)}</small>'
            f'</span><span class="bar"><i style="--part:{part:.1f}%"></i></span>'
            f"<b>{html.escape(points(float(value)))}</b></div>"
        )
    total = " + ".join(points(float(value)) for value in rounded)
    sum_line = f"{total} = {points(float(sum(rounded)))}"
    return f'{body}<div class="sum-line">{html.escape(sum_line)}</div>'


def _intent_value(view: View, found: Score) -> str:
    change = None if found.points_before is None else float(found.points - found.points_before)
    said = "" if change is None else f"{signed(change)} {view.text('account.four_weeks')}"
    unit = html.escape(view.text("intent.points"))
    value = html.escape(points(float(found.points)))
    return (
        f'<div class="tile short"><div class="tile-value">{value}'
        f'<span class="unit">{unit}</span></div>'
        f'<div class="tile-change {tone(change)}"><b>{html.escape(said)}</b></div></div>'
    )


def trend(view: View, item: Customer) -> None:
    """Both indices per week, with changes of the definition."""
    with st.container(key="panel_index_trend", height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            title = view.text("account.trend")
            st.html(html.panel_title(title, view.text("account.trend_note")), width="stretch")
            relationship_parts.restate_switch(view)
        found = ask(view.version, relationships.index_weeks, item.customer_id)
        relationship_parts.index_chart(view, found, "index_trend_chart", title, 230)


# People and business


def people(view: View, item: Customer) -> None:
    """Persons of the customer, behind the contacts of all systems."""
    with st.container(key="panel_people", height="stretch"):
        panel_head(view, view.text("account.people"), view.text("account.people_note"))
        found = ask(view.version, customers.people, item.customer_id)
        if not found:
            rows.empty(
                missing(view, customers.RECORD_MART)
                if found is None
                else view.text("account.no_people")
            )
            return
        headings = [
            (view.text("account.head_person"), ""),
            (view.text("intent.title"), ""),
            (view.text("account.head_contacts"), "num"),
            (view.text("account.head_touches"), "num"),
            (view.text("column.last_touch_at"), "num"),
            (view.text("account.head_load"), ""),
        ]
        st.html(html.table(headings, [_person_cells(view, one) for one in found]))


def _person_cells(view: View, item: Person) -> list[html.Cell]:
    level = item.decision_level
    about = " · ".join(
        part
        for part in (
            item.title or "",
            view.code_label("decision_level", level) if level else "",
        )
        if part
    )
    last = formats.DASH
    if item.last_touch_at is not None:
        last = formats.day(item.last_touch_at.date(), view.language)
    return [
        html.Cell(item.person_name or item.person_id),
        html.Cell(about or formats.DASH, classes="muted"),
        html.Cell(formats.number(item.count_contacts or 0), classes="num"),
        html.Cell(formats.number(item.count_touches or 0), classes="num"),
        html.Cell(last, classes="num muted"),
        _load_cell(view, item),
    ]


def _load_cell(view: View, item: Person) -> html.Cell:
    if item.has_opted_out:
        return html.Cell(view.text("contact_load.opted_out"), status="error")
    if item.is_over_safe_frequency:
        return html.Cell(view.text("contact_load.over"), status="warn")
    if item.is_over_safe_frequency is None:
        return html.Cell(formats.DASH, classes="muted")
    return html.Cell(view.text("contact_load.within"), status="fresh")


def business(view: View, item: Customer) -> None:
    """Open opportunities of the customer, then those of its neighbours in the graph."""
    with st.container(key="panel_business", height="stretch"):
        panel_head(view, view.text("account.business"), view.text("account.business_note"))
        found = ask(view.version, customers.opportunities, _ids(view, item))
        if found is None:
            rows.empty(missing(view, customers.OPPORTUNITY_MART))
        elif not found:
            rows.empty(view.text("account.no_business"))
        else:
            headings = [
                (view.text("column.opportunity_name"), ""),
                (view.text("column.funnel_stage"), ""),
                (view.text("column.amount"), "num"),
                (view.text("column.rep_name"), ""),
            ]
            st.html(html.table(headings, [_business_cells(view, one) for one in found]))
        _star(view, item)


def _business_cells(view: View, item: Opportunity) -> list[html.Cell]:
    return [
        html.Cell(item.opportunity_name or item.opportunity_id),
        html.Cell(_stage(view, item.funnel_stage)),
        html.Cell(relationship_parts.money(view, item.amount, item.currency), classes="num"),
        html.Cell(item.rep_name or formats.DASH, classes="muted"),
    ]


def _stage(view: View, stage: str | None) -> str:
    return view.code_label("funnel_stage", stage) if stage else formats.DASH


def _star(view: View, item: Customer) -> None:
    """Opportunities that run in parallel at the neighbours."""
    found = ask(view.version, customers.star, item.customer_id)
    st.html(html.section(view.text("account.parallel"), view.text("account.parallel_note")))
    if not found:
        rows.empty(
            missing(view, customers.STAR_MART)
            if found is None
            else view.text("account.no_parallel")
        )
        return
    headings = [
        (view.text("account.head_neighbour"), ""),
        (view.text("graph.head_kind"), ""),
        (view.text("column.opportunity_name"), ""),
        (view.text("column.funnel_stage"), ""),
        (view.text("column.amount"), "num"),
    ]
    body = [
        [
            html.Cell(one.opportunity_customer_name or one.opportunity_customer_id or formats.DASH),
            html.Cell(_relation_words(view, one), classes="muted"),
            html.Cell(one.opportunity_name or one.opportunity_id),
            html.Cell(_stage(view, one.funnel_stage)),
            html.Cell(relationship_parts.money(view, one.amount, one.currency), classes="num"),
        ]
        for one in found
    ]
    st.html(html.table(headings, body))


def _relation_words(view: View, item: Star) -> str:
    """How the neighbour is joined, and in which direction."""
    kinds = [one.strip() for one in (item.edge_types or "").split(",") if one.strip()]
    ways = [one.strip() for one in (item.relations or "").split(",") if one.strip()]
    said = [relationship_parts.edge_name(view, kind) for kind in kinds]
    said += [view.text_or(f"relation.{way}", way) for way in ways]
    return " · ".join(said)


def star(view: View, item: Customer) -> None:
    """The customer in the middle of its neighbours."""
    with st.container(key="panel_star", height="stretch"):
        panel_head(view, view.text("account.star"), view.text("graph.note"))
        found = ask(view.version, relationships.neighbourhood, item.customer_id, True)
        if found is None:
            rows.empty(missing(view, relationships.EDGE_MART))
            return
        relationship_parts.neighbourhood(
            view,
            replace(found, focus_name=item.customer_name or item.customer_id),
            "star_chart",
            _neighbour_chosen,
        )


def _neighbour_chosen() -> None:
    if key := relationship_parts.chosen_key("star_chart"):
        _open(key)


# Events


def timeline(view: View, item: Customer) -> None:
    """What happened with the customer in all systems, the newest first."""
    with st.container(key="panel_timeline"):
        title = view.text("account.timeline")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(html.panel_title(title, view.text("account.timeline_note")), width="stretch")
            downloads(
                view,
                "customer_touches",
                title,
                item.customer_name or item.customer_id,
                lambda: relationships.export(
                    connection_of(view.version), "touches", key=item.customer_id
                ),
            )
        asked = (item.customer_id, _ids(view, item))
        first = ask(view.version, customers.events, *asked, (), 1, 1)
        if first is None or not first.counts:
            rows.empty(
                missing(view, relationships.TOUCH_MART)
                if first is None
                else view.text("intent.no_events")
            )
            return
        counts = dict(first.counts)
        kinds: Sequence[str] = st.pills(
            view.text("intent.kinds"),
            list(counts),
            key=f"kinds_{item.customer_id}",
            selection_mode="multi",
            format_func=lambda kind: (
                f"{intent.kind_name(view, kind)} {formats.number(counts[kind])}"
            ),
            label_visibility="collapsed",
        )
        wanted = tuple(kind for kind in counts if kind in kinds)
        body, foot = st.container(key="timeline"), st.container()
        with foot:
            page = rows.pages(
                view, f"events_{item.customer_id}", first.count(wanted), EVENTS_PER_PAGE
            )
        found = ask(view.version, customers.events, *asked, wanted, page, EVENTS_PER_PAGE)
        assert found is not None  # the same question was answered above
        with body:
            intent.show_events(view, [_named(view, event) for event in found.events])


def _named(view: View, event: Event) -> Event:
    """A touch in words: its channel, who began it, and what it was about."""
    if not isinstance(event, TouchEvent):
        return event
    channel, direction = event.channel, event.direction
    said = view.code_label("touch_channel", channel) if channel else ""
    if said == channel:
        said = view.text_or(f"channel.{channel}", channel or "")
    if direction:
        said = f"{said} · {view.text_or(f'direction_of.{direction}', direction)}"
    about = [event.detail or "", relationship_parts.topic_name(view, event.topic)]
    detail = " · ".join(part for part in about if part)
    return replace(event, title=(said, said), detail=detail)


def _hit_content(view: View) -> None:
    intent.hit_content(view, st.query_params.get("hit") or "")


# Identity


def identity(view: View, item: Customer) -> None:
    """Which records are this customer, and what says so."""
    with st.container(key="panel_identity"):
        title = view.text("identity.title")
        found = ask(view.version, customers.customer_records, item.customer_id)
        panel_head(
            view,
            title,
            view.text("identity.note"),
            "customer_records",
            None
            if not found
            else lambda: customers.export(connection_of(view.version), "records", item.customer_id),
            item.customer_name or item.customer_id,
        )
        if not found:
            rows.empty(
                missing(view, customers.RECORD_MART)
                if found is None
                else view.text("identity.none")
            )
            return
        headings = [
            (view.text("identity.head_record"), ""),
            (view.text("identity.head_system"), ""),
            (view.text("identity.head_rule"), ""),
            (view.text("identity.head_confidence"), "num"),
            (view.text("identity.head_evidence"), "wrap"),
        ]
        st.html(html.table(headings, [_record_cells(view, one) for one in found]))
        waiting = ask(view.version, customers.reviews, tuple(one.record_id for one in found))
        if waiting:
            st.html(html.section(view.text("identity.review"), view.text("identity.review_note")))
            headings = [
                (view.text("identity.head_pair"), ""),
                (view.text("identity.head_probability"), "num"),
                (view.text("identity.head_evidence"), "wrap"),
            ]
            body = [
                [
                    html.Cell(
                        f"{one.left_name or one.left_id} ~ {one.right_name or one.right_id or ''}",
                        title=f"{one.left_id} ~ {one.right_id or ''}",
                        classes="wrap",
                    ),
                    html.Cell(
                        formats.DASH
                        if one.match_probability is None
                        else formats.percent(one.match_probability),
                        classes="num",
                    ),
                    html.Cell(_review_words(view, one), classes="wrap"),
                ]
                for one in waiting
            ]
            st.html(html.table(headings, body))


def _review_words(view: View, item: Review) -> str:
    """What speaks for it, why it waits, and what to do."""
    said = (
        words(view, item.evidence_en, item.evidence_zh),
        words(view, item.reason_en, item.reason_zh),
        words(view, item.remedy_en, item.remedy_zh),
    )
    return " ".join(part for part in said if part)


def _record_cells(view: View, item: Record) -> list[html.Cell]:
    rule = view.text("identity.representative")
    if not item.is_representative or item.link_rule:
        code = item.link_rule or ""
        named = words(view, item.link_rule_en, item.link_rule_zh) or code
        rule = named if named != code else view.text_or(f"link_rule.{code}", code or formats.DASH)
    sure = formats.DASH
    if item.confidence_ratio is not None:
        sure = formats.percent(item.confidence_ratio, 1)
    weight = ""
    if item.match_weight is not None:
        weight = view.text("identity.weight", weight=points(item.match_weight))
    kind = view.text_or(f"subject.{item.subject}", item.subject or "")
    return [
        html.Cell(f"{item.record_name or item.record_id}", title=item.record_id),
        html.Cell(f"{item.source_system or formats.DASH} · {kind}", classes="muted"),
        html.Cell(rule),
        html.Cell(sure, title=weight, classes="num"),
        html.Cell(words(view, item.evidence_en, item.evidence_zh) or formats.DASH, classes="wrap"),
    ]


def page(view: View) -> None:
    """Every section, or the search where no customer is open."""
    item = chosen(view)
    find(view, item)
    if item is None:
        return
    head(view, item)
    scores(view, item)
    left, right = halves()
    with left:
        trend(view, item)
        people(view, item)
    with right:
        star(view, item)
    business(view, item)
    timeline(view, item)
    identity(view, item)
    if opened(view, "hit"):
        drawer(view, "hit", view.text("intent.raw_rows"), _hit_content)
