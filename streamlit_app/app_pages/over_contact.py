"""Over-contact: weekly load against opt-outs, safe frequency, the people over it."""

from streamlit_app.components import contact_load, filter_bar, passport, shell
from streamlit_app.components.layout import halves
from streamlit_app.components.view import current_view

view = current_view().all_time()
filter_bar.filter_bar(view, has_period=False)
shell.status_line(view)
contact_load.headline(view)
left, right = halves()
with left:
    contact_load.against_optouts(view)
with right:
    contact_load.trend(view)
contact_load.safe_frequency(view)
contact_load.people(view)
passport.show(view)
