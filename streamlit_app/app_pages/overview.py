"""Overview: headline figures, funnel, trend, split, then one section per part of the business."""

from streamlit_app.components import filter_bar, overview, passport, shell
from streamlit_app.components.layout import halves
from streamlit_app.components.view import current_view

view = current_view()
filter_bar.filter_bar(view)
shell.status_line(view)
overview.headline(view)
left, right = halves()
with left:
    overview.funnel(view)
with right:
    overview.trend(view)
overview.breakdown(view)
overview.deals(view)
overview.leads(view)
overview.orders(view)
overview.organisation(view)
overview.web(view)
passport.show(view)
