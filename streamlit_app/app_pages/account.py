"""Account: one customer across all systems."""

from streamlit_app.components import account, passport, shell
from streamlit_app.components.view import current_view

view = current_view().unfiltered()
shell.status_line(view)
account.page(view)
passport.show(view)
