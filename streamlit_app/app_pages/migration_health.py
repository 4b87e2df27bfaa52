"""Migration health: how far the move has come, what moved it, what stands in its way."""

from streamlit_app.components import health, passport, shell
from streamlit_app.components.layout import halves
from streamlit_app.components.view import current_view

view = current_view().unfiltered()
shell.status_line(view)
health.headline(view)
left, right = halves()
with left:
    health.trend(view)
with right:
    health.moves(view)
health.metrics(view)
left, right = halves()
with left:
    health.traps(view)
with right:
    health.lead_lag(view)
health.roadmap(view)
health.hit_rates(view)
passport.show(health.with_window(view))
health.show(view)
