"""What people do on the worklists: assign, snooze, outcome, note, reopen.

Apart from the warehouse and append-only: an action is a fact of its own that no rebuild touches.
The dashboard writes it and shows it at once; the pipeline reads it and sets it beside what happened
afterwards. :mod:`.actions` is pure; :mod:`.store` keeps actions in SQLite or PostgreSQL.
"""
