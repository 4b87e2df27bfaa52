"""Sections of the worklists page: one list at a time, its items, and what people do with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import quote, unquote

import streamlit as st

from dagster_project.settings import utc_now
from dagster_project.worklists.actions import (
    LISTS,
    MAX_NAME,
    MAX_TEXT,
    Action,
    ItemState,
    WorklistError,
    new_action,
)
from dagster_project.worklists.store import WorklistStore, open_store
from streamlit_app.components import html, rows, shell, url
from streamlit_app.components.downloads import downloads
from streamlit_app.components.intent import in_language, points_text, search
from streamlit_app.components.tiles import filter_words
from streamlit_app.components.view import View
from streamlit_app.data import intent as intent_data
from streamlit_app.data import worklists
from streamlit_app.data.version import ask
from streamlit_app.data.worklists import Item, Lead
from streamlit_app.i18n import formats

ITEMS_PER_PAGE = 15
NAME_COOKIE = "smh_name"
SNOOZE_DAYS = (1, 3, 7, 14, 30)
POLL_SECONDS = 15


def list_name() -> str:
    """The list that the URL names, else the first."""
    wanted = st.query_params.get("list")
    return wanted if wanted in LISTS else LISTS[0]


def _store(view: View) -> WorklistStore:
    return open_store(view.settings)


def _states(view: View, name: str) -> dict[str, ItemState]:
    """State of the items; none, and why, where the store cannot be read."""
    try:
        return _store(view).current_state(name)
    except WorklistError as error:
        st.session_state["worklist_problem"] = str(error)
        return {}


def _today() -> date:
    """The day by which people snooze: the real one, whatever day the data are of."""
    return utc_now().date()


def _items(view: View, name: str) -> list[Item] | None:
    # A reason belongs to one list: it must not empty the other one.
    selected = tuple(s for s in view.state.selected if s[0] != "reason" or name == list_name())
    found = ask(view.version, worklists.leads, name, selected)
    if found is None:
        return None
    outcomes = ask(view.version, worklists.outcomes)
    finishing = frozenset(item.outcome for item in outcomes if item.is_finished)
    return worklists.items(found, _states(view, name), finishing, _today())


def _chosen(view: View, items: Sequence[Item], order: str) -> list[Item]:
    return worklists.chosen(
        items,
        owners=view.state.values("rep"),
        search=search(),
        with_hidden=st.query_params.get("hidden") == "1",
        order=order,
    )


def _order() -> str:
    wanted = st.query_params.get("sort")
    return wanted if wanted in worklists.ORDERS else worklists.ORDERS[0]


def _list_chosen() -> None:
    url.write_from_widget("list", "worklist", default=LISTS[0])
    for name in ("lead", "reason"):
        url.write(name, None)


def _hidden_chosen() -> None:
    url.write("hidden", "1" if st.session_state["worklist_hidden"] else None)


def worklist(view: View) -> None:
    """The list that is chosen, with its order, its hidden items and its files."""
    name, order = list_name(), _order()
    st.session_state.pop("worklist_problem", None)
    all_items = {one: _items(view, one) for one in LISTS}
    items = all_items[name]
    if problem := st.session_state.pop("worklist_problem", None):
        shell.problem(problem, view.language)
    with st.container(key="panel_worklist"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            url.show_in_widget("worklist", name)
            st.segmented_control(
                view.text("worklist.list"),
                LISTS,
                key="worklist",
                format_func=lambda one: _list_label(view, one, all_items[one]),
                on_change=_list_chosen,
                label_visibility="collapsed",
                required=True,
            )
            st.space("stretch")
            _list_controls(view, name, order, items)
        st.html(f'<div class="empty">{html.escape(view.text(f"worklist.{name}_note"))}</div>')
        if items is None:
            rows.empty(_missing(view, name))
            return
        shown = _chosen(view, items, order)
        if not shown:
            key = "worklist.none_left" if items else "worklist.none"
            rows.empty(view.text(key))
            return
        body, foot = st.container(key="list_leads"), st.container()
        with foot:
            page = rows.pages(view, f"worklist_page_{name}", len(shown), ITEMS_PER_PAGE)
        part = shown[(page - 1) * ITEMS_PER_PAGE : page * ITEMS_PER_PAGE]
        names = ask(view.version, worklists.reps)
        longest = max([*((item.lead.waiting_days or 0.0) for item in shown), 1.0])
        with body:
            st.html(_head_html(view, name))
            for number, item in enumerate(part):
                rows.row(
                    f"lead_{number}",
                    _item_html(view, name, item, names, longest),
                    view.text("worklist.open", name=item.lead.lead_name or item.lead.lead_id),
                    open_lead,
                    (item.lead.lead_id,),
                )
    _watch(view)


def _missing(view: View, name: str) -> str:
    if ask(view.version, worklists.is_published, name):
        return view.text("not_here.filter")
    return view.text("not_here.version", mart=worklists.MARTS[name])


def _list_label(view: View, name: str, items: Sequence[Item] | None) -> str:
    label = view.text(f"worklist.{name}")
    if items is None:
        return label
    return f"{label}  {formats.number(sum(not item.is_hidden for item in items))}"


def _list_controls(view: View, name: str, order: str, items: Sequence[Item] | None) -> None:
    count_hidden = sum(item.is_hidden for item in items or ())
    is_shown = st.query_params.get("hidden") == "1"
    url.show_in_widget("worklist_hidden", is_shown)
    st.toggle(
        view.text("worklist.show_hidden", count=formats.number(count_hidden)),
        key="worklist_hidden",
        on_change=_hidden_chosen,
    )
    url.show_in_widget("worklist_order", order)
    st.selectbox(
        view.text("passport.sort"),
        worklists.ORDERS,
        key="worklist_order",
        format_func=lambda one: view.text(f"worklist.order_{one}"),
        on_change=url.write_from_widget,
        args=("sort", "worklist_order", worklists.ORDERS[0]),
        label_visibility="collapsed",
        width=170,
    )
    if items:
        words = filter_words(view.unfiltered()) if not view.state.selected else filter_words(view)
        if search():
            words = f"{words} · {view.text('filter.search')}: {search()}"
        downloads(
            view,
            f"worklist_{name}",
            view.text(f"worklist.{name}"),
            words,
            lambda: worklists.export(_chosen(view, items, order), view.language),
        )


def _head_html(view: View, name: str) -> str:
    waiting = "silent" if name == "silent_lead" else "idle"
    keys = (
        ("lead", "lead"),
        ("why", "why"),
        ("waiting", f"waiting_{waiting}"),
        ("points", "points"),
        ("owner", "owner"),
    )
    cells = "".join(
        f'<span class="{kind}">{html.escape(view.text(f"worklist.head_{key}"))}</span>'
        for kind, key in keys
    )
    return f'<div class="item head">{cells}</div>'


def _item_html(view: View, name: str, item: Item, names: Mapping[str, str], longest: float) -> str:
    lead = item.lead
    # Many a lead is called after its account: once is enough.
    is_named = bool(lead.account_name) and (lead.account_name or "") in (lead.lead_name or "")
    about = " · ".join(
        words
        for words in (
            "" if is_named else lead.account_name or "",
            view.code_label("industry", lead.industry) if lead.industry else "",
            lead.region or "",
        )
        if words
    )
    why = in_language(view, lead.reason) or _silent_words(view, lead)
    step = in_language(view, lead.next_step)
    owner = names.get(item.owner_id or "", item.owner_id or formats.DASH)
    flags = "".join(
        f'<em class="flag {kind}">{html.escape(words)}</em>' for kind, words in _flags(view, item)
    )
    return (
        f'<div class="item{" hidden" if item.is_hidden else ""}">'
        f'<span class="lead"><b>{html.escape(lead.lead_name or lead.lead_id)}</b>'
        f"<small>{html.escape(about)}</small></span>"
        f'<span class="why">{html.escape(why)}'
        + (f"<small>→ {html.escape(step)}</small>" if step else "")
        + (f"<span>{flags}</span>" if flags else "")
        + f'</span><span class="waiting">{_waiting_html(view, lead, longest)}</span>'
        f'<span class="points">{html.escape(points_text(lead.intent_points))}</span>'
        f'<span class="owner">{html.escape(owner)}'
        + (f"<small>{html.escape(view.text('worklist.assigned'))}</small>"
           if item.state.assigned_to else "")
        + "</span></div>"
    )  # fmt: skip


def _silent_words(view: View, lead: Lead) -> str:
    if lead.silent_hours is None:
        return ""
    time = formats.shown(lead.silent_hours, "hours", view.language)
    return view.text("worklist.silent_for", time=time)


def _waiting_html(view: View, lead: Lead, longest: float) -> str:
    """Days without movement as a bar, with a mark where the norm ends."""
    waiting = lead.waiting_days
    if waiting is None:
        return formats.DASH
    words = _days(view, waiting)
    part = waiting / longest * 100
    mark = norm = ""
    if lead.norm_days is not None:
        at = min(100.0, lead.norm_days / longest * 100)
        mark = f'<u style="left:{at:.1f}%"></u>'
        norm = view.text("worklist.norm", days=_days(view, lead.norm_days))
    return (
        f"<b>{html.escape(words)}</b> <small>{html.escape(norm)}</small>"
        f'<span class="norm"><i style="width:{part:.1f}%"></i>{mark}</span>'
    )


def _days(view: View, value: float) -> str:
    gap = "" if view.language == "zh" else " "
    return f"{formats.number(value, 0 if value >= 10 else 1)}{gap}{view.text('unit.days')}"


def _flags(view: View, item: Item) -> list[tuple[str, str]]:
    """What a person said about the item, in a few words."""
    state = item.state
    flags = []
    if state.outcome is not None:
        words = view.code_label("worklist_outcome", state.outcome)
        flags.append(("done" if item.is_finished else "told", words))
    if item.is_snoozed:
        day = formats.day(state.snoozed_until, view.language)
        flags.append(("snoozed", view.text("worklist.snoozed_until", day=day)))
    if item.has_news:
        flags.append(("news", view.text("worklist.news")))
    if state.last_note:
        note = state.last_note if len(state.last_note) <= 60 else f"{state.last_note[:60]} …"
        flags.append(("note", f"“{note}”"))
    return flags


def open_lead(lead_id: str) -> None:
    """Callback: the URL names the lead, so that a link opens it too."""
    url.write("passport", None)
    url.write("lead", lead_id)


def _close_lead() -> None:
    url.write("lead", None)


def show_lead(view: View) -> None:
    """Open the lead that the URL names; nothing where it names none, or a passport too."""
    lead_id = st.query_params.get("lead")
    if not lead_id or view.state.passport is not None:
        return
    found = ask(view.version, worklists.lead, list_name(), lead_id)
    if found is None:
        return
    st.dialog(found.lead_name or lead_id, width=640, position="right", on_dismiss=_close_lead)(
        _lead_content
    )(view, list_name(), found)


def _lead_content(view: View, name: str, lead: Lead) -> None:
    if st.session_state.pop("worklist_saved", False):
        # The list behind the drawer shows the action too.
        st.rerun()
    outcomes = ask(view.version, worklists.outcomes)
    finishing = frozenset(item.outcome for item in outcomes if item.is_finished)
    try:
        history = _store(view).history(name, lead.lead_id)
        states = _store(view).current_state(name)
    except WorklistError as error:
        shell.problem(str(error), view.language)
        history, states = [], {}
    (item,) = worklists.items([lead], states, finishing, _today())
    names = ask(view.version, worklists.reps)
    st.html(_lead_head(view, item))
    st.html(html.facts(_lead_facts(view, item, names)))
    _account_link(view, lead)
    if problem := st.session_state.pop("worklist_problem", None):
        shell.problem(problem, view.language)
    _act(view, name, item, names)
    st.html(html.section(view.text("worklist.history"), view.text("worklist.history_note")))
    if not history:
        rows.empty(view.text("worklist.no_history"))
        return
    st.html("".join(_action_html(view, action, names) for action in reversed(history)))


def _lead_head(view: View, item: Item) -> str:
    lead = item.lead
    why = in_language(view, lead.reason) or _silent_words(view, lead)
    step = in_language(view, lead.next_step)
    flags = "".join(
        f'<em class="flag {kind}">{html.escape(words)}</em>'
        for kind, words in _flags(view, item)
        if kind != "note"
    )
    return (
        (f'<div class="flags">{flags}</div>' if flags else "")
        + f'<div class="definition"><p>{html.escape(why)}</p></div>'
        + (
            f'<div class="sum-line"><b>{html.escape(view.text("worklist.next_step"))}:</b> '
            f"{html.escape(step)}</div>"
            if step
            else ""
        )
    )


def _lead_facts(view: View, item: Item, names: Mapping[str, str]) -> list[tuple[str, str]]:
    lead = item.lead

    def moment(value: object) -> str:
        return formats.moment(value, view.zone, view.language)  # type: ignore[arg-type]

    def code(code_list: str, value: str | None) -> str:
        return view.code_label(code_list, value) if value else formats.DASH

    amount = formats.DASH
    if lead.amount is not None:
        amount = formats.exact(lead.amount, "currency", view.language, lead.currency)
    pairs = [
        ("account_name", lead.account_name or formats.DASH),
        ("industry", code("industry", lead.industry)),
        ("region", lead.region or formats.DASH),
        ("team_name", lead.team_name or formats.DASH),
        ("owner", names.get(item.owner_id or "", item.owner_id or formats.DASH)),
        ("channel", code("channel", lead.channel)),
        ("intent_points", points_text(lead.intent_points)),
        ("intent_label", code("intent_label", lead.intent_label)),
        ("amount", amount),
        ("first_touch_at", moment(lead.first_touch_at)),
        ("last_touch_at", moment(lead.last_touch_at)),
        ("last_stage_change_at", moment(lead.last_stage_change_at)),
        ("last_signal_at", moment(lead.last_signal_at)),
        ("lead_id", lead.lead_id),
    ]
    always = ("account_name", "owner", "intent_points", "lead_id")
    return [
        (view.text(f"column.{key}"), value)
        for key, value in pairs
        if key in always or value != formats.DASH
    ]


def _account_link(view: View, lead: Lead) -> None:
    """The way from the lead to what its account did."""
    if lead.account_id is None or not ask(view.version, intent_data.account, lead.account_id):
        return
    parameters = {**url.link_parameters(), "account": [lead.account_id]}
    st.page_link(
        "app_pages/intent.py",
        label=view.text("worklist.to_account"),
        icon=":material/timeline:",
        query_params=parameters,
    )


def known_name() -> tuple[str, bool]:
    """Who acts, and whether the identity is proven by a login."""
    if getattr(st.user, "is_logged_in", False):
        return str(st.user.get("name") or st.user.get("email") or ""), True
    remembered = st.session_state.get("worklist_name")
    if remembered is None:
        cookie = st.context.cookies.get(NAME_COOKIE)
        remembered = unquote(cookie) if isinstance(cookie, str) else ""
    return str(remembered)[:MAX_NAME], False


def _name_chosen() -> None:
    st.session_state["worklist_name"] = st.session_state["worklist_name_field"].strip()


def _who(view: View) -> str:
    """The name under which an action is stored; typed once per browser where nobody logs in."""
    name, is_proven = known_name()
    if is_proven:
        return name
    url.show_in_widget("worklist_name_field", name)
    st.text_input(
        view.text("worklist.your_name"),
        key="worklist_name_field",
        max_chars=MAX_NAME,
        on_change=_name_chosen,
        placeholder=view.text("worklist.your_name_hint"),
    )
    if "worklist_name" in st.session_state:
        # JSON is a JavaScript literal; the name is quoted, so it cannot end the script.
        cookie = f"{NAME_COOKIE}={quote(name, safe='')}; path=/; max-age=31536000; samesite=strict"
        st.html(
            f"<script>document.cookie = {json.dumps(cookie)}</script>",
            unsafe_allow_javascript=True,
        )
    return name


KINDS = ("outcome", "assign", "snooze", "note")


def _act(view: View, name: str, item: Item, names: Mapping[str, str]) -> None:
    """One action at a time: choose its kind, fill it in, save."""
    lead_id = item.lead.lead_id
    # Fresh fields after each action of one's own; somebody else's must not take a note away.
    stem = f"act_{name}_{lead_id}_{st.session_state.get('worklist_saves', 0)}"
    with st.container(key="panel_act"):
        kind = st.segmented_control(
            view.text("worklist.action"),
            KINDS,
            key=f"kind_{name}_{lead_id}",
            default=KINDS[0],
            required=True,
            format_func=lambda one: view.text(f"worklist.do_{one}"),
            label_visibility="collapsed",
        )
        value: str | None = None
        until: date | None = None
        if kind == "outcome":
            value = st.pills(
                view.text("worklist.do_outcome"),
                [one.outcome for one in ask(view.version, worklists.outcomes)],
                key=f"{stem}_outcome",
                format_func=lambda one: view.code_label("worklist_outcome", one),
                label_visibility="collapsed",
            )
        elif kind == "assign":
            value = st.selectbox(
                view.text("worklist.do_assign"),
                list(names),
                index=None,
                key=f"{stem}_assign",
                format_func=lambda one: names.get(one, one),
                placeholder=view.text("dimension.rep"),
                label_visibility="collapsed",
            )
        elif kind == "snooze":
            until = _snooze_day(view, stem)
        note = st.text_area(
            view.text("worklist.do_note"),
            key=f"{stem}_note",
            placeholder=view.text(f"worklist.{'note' if kind == 'note' else 'optional_note'}"),
            max_chars=MAX_TEXT,
            height=68,
            label_visibility="collapsed",
        )
        who = _who(view)
        is_ready = bool(who) and bool(value or until or (kind == "note" and note.strip()))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                view.text("worklist.save"),
                key=f"{stem}_save",
                type="primary",
                disabled=not is_ready,
                on_click=_save,
                args=(view, name, lead_id, str(kind), who, value, until, note),
            )
            if item.is_hidden or item.state.outcome is not None:
                st.button(
                    view.text("worklist.reopen"),
                    key=f"{stem}_reopen",
                    disabled=not who,
                    on_click=_save,
                    args=(view, name, lead_id, "reopen", who, None, None, note),
                )
            if not who:
                st.caption(view.text("worklist.name_needed"))


def _snooze_day(view: View, stem: str) -> date | None:
    """A day chosen by its distance, or by the calendar."""
    today = _today()
    days = st.pills(
        view.text("worklist.do_snooze"),
        [*SNOOZE_DAYS, 0],
        key=f"{stem}_days",
        format_func=lambda count: view.text("worklist.snooze_day" if not count else
                                            "worklist.snooze_days", count=count),
        label_visibility="collapsed",
    )  # fmt: skip
    if days is None:
        return None
    if days:
        return today + timedelta(days=days)
    chosen = st.date_input(
        view.text("worklist.snooze_until"),
        value=today + timedelta(days=7),
        min_value=today + timedelta(days=1),
        key=f"{stem}_until",
        format="YYYY-MM-DD",
    )
    return chosen if isinstance(chosen, date) else None


def _save(
    view: View,
    name: str,
    lead_id: str,
    kind: str,
    who: str,
    value: str | None,
    until: date | None,
    note: str,
) -> None:
    """Callback: store the action at once; a problem is shown in its place."""
    try:
        _store(view).append_action(
            new_action(
                name,
                lead_id,
                kind,
                who,
                utc_now(),
                value=value,
                until=until,
                note=note,
                version_id=view.version.version_id,
            )
        )
    except WorklistError as error:
        st.session_state["worklist_problem"] = f"{view.text('worklist.not_saved')} {error}"
        return
    st.session_state["worklist_saved"] = True
    st.session_state["worklist_saves"] = st.session_state.get("worklist_saves", 0) + 1


def _action_html(view: View, action: Action, names: Mapping[str, str]) -> str:
    values = {
        "assign": names.get(action.value or "", action.value or ""),
        "outcome": view.code_label("worklist_outcome", action.value or ""),
        "snooze": formats.day(action.until, view.language),
    }
    words = view.text(f"worklist.done_{action.action}", value=values.get(action.action, ""))
    moment = formats.moment(action.acted_at, view.zone, view.language)
    note = f"<q>{html.escape(action.note)}</q>" if action.note else ""
    return (
        f'<div class="evidence"><span><b>{html.escape(words)}</b>'
        f"<time>{html.escape(moment)}</time></span>{note}"
        f"<small>{html.escape(action.actor)}</small></div>"
    )


def outcomes(view: View) -> None:
    """What came of worked items: the share quoted within the time of the rule."""
    with st.container(key="panel_outcomes"):
        st.html(
            html.panel_title(view.text("worklist.outcomes"), view.text("worklist.outcomes_note"))
        )
        found = ask(view.version, worklists.outcome_counts)
        if found is None:
            rows.empty(view.text("not_here.version", mart=worklists.OUTCOME_MART))
            return
        if not found:
            rows.empty(view.text("worklist.no_outcomes"))
            return
        headings = [
            (view.text("worklist.list"), ""),
            (view.text("worklist.quoted"), "num"),
            (view.text("worklist.not_quoted"), "num"),
            (view.text("worklist.too_early"), "num"),
            (view.text("worklist.share"), "num"),
        ]
        body = []
        for item in found:
            share = item.share
            shown = formats.DASH if share is None else formats.percent(share)
            body.append(
                [
                    html.Cell(view.text_or(f"worklist.{item.list_name}", item.list_name)),
                    *(
                        html.Cell(formats.number(count), classes="num")
                        for count in (item.count_quoted, item.count_not, item.count_too_early)
                    ),
                    html.Cell(shown, part=share, classes="num"),
                ]
            )
        st.html(html.table(headings, body))


def _watch(view: View) -> None:
    """Show what others do: look every few seconds whether something was stored."""

    @st.fragment(run_every=POLL_SECONDS)
    def look() -> None:
        try:
            position = _store(view).position()
        except WorklistError:
            return
        seen = st.session_state.get("worklist_position")
        st.session_state["worklist_position"] = position
        if seen is not None and seen != position:
            st.rerun()

    look()
