"""Sources: what the last load of each brought, what is missing, what changed, what to do."""

from streamlit_app.components import passport, shell, sources, trust
from streamlit_app.components.view import current_view

view = current_view().unfiltered()
shell.status_line(view)
sources.strip(view)
sources.next_steps(view)
sources.overview(view)
sources.tables(view)
trust.quarantine(view)
sources.changes(view)
sources.metrics(view)
passport.show(view)
