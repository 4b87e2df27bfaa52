"""Data trust: how far the figures can be relied on, and what to do about the rest."""

from streamlit_app.components import overview, passport, shell, trust
from streamlit_app.components.view import current_view

view = current_view().unfiltered()
shell.status_line(view)
trust.strip(view)
trust.next_steps(view)
overview.quality(view)
trust.freshness(view)
trust.receipts(view)
trust.checks(view)
trust.quarantine(view)
trust.mapping(view)
trust.visitor_links(view)
trust.versions(view)
passport.show(view)
