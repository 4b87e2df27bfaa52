"""Intent: signals over time, accounts by score, one account down to its raw rows."""

from streamlit_app.components import filter_bar, intent, passport, shell
from streamlit_app.components.layout import halves
from streamlit_app.components.view import current_view

view = current_view()
search = intent.search()
filter_bar.filter_bar(view, search=search)
shell.status_line(view)
intent.headline(view)
left, right = halves()
with left:
    intent.over_time(view)
with right:
    intent.by_industry(view)
intent.accounts(view, search)
intent.by_class(view)
passport.show(view)
intent.show_account(view)
