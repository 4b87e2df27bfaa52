"""Relationships: depth and breadth of every customer, whom to strengthen, who reaches whom."""

from streamlit_app.components import filter_bar, intent, passport, relationships, shell
from streamlit_app.components.layout import halves
from streamlit_app.components.view import current_view

view = current_view().all_time()
filter_bar.filter_bar(view, has_period=False, search=intent.search())
shell.status_line(view)
relationships.headline(view)
left, right = halves()
with left:
    relationships.plane(view)
with right:
    relationships.plays(view)
    relationships.trend(view)
relationships.top(view)
relationships.customers(view)
left, right = halves()
with left:
    relationships.graph(view)
with right:
    relationships.dropped(view)
left, right = halves()
with left:
    relationships.latency(view)
with right:
    relationships.proposals(view)
passport.show(view)
relationships.show(view)
