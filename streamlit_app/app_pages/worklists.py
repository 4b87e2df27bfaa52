"""Worklists: silent leads and stalled leads with high intent, worked through one by one."""

from streamlit_app.components import filter_bar, intent, passport, shell, worklists
from streamlit_app.components.view import current_view
from streamlit_app.data.worklists import METRIC_MARTS

view = current_view().all_time()
filter_bar.filter_bar(view, has_period=False, search=intent.search())
shell.status_line(view)
intent.headline(view, METRIC_MARTS, "worklist")
worklists.worklist(view)
worklists.outcomes(view)
passport.show(view)
worklists.show_lead(view)
