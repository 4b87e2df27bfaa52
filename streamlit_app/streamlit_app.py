"""Entry point of the dashboard: ``streamlit run streamlit_app/streamlit_app.py``."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parent.parent)
if sys.path[0] != _ROOT:
    # Streamlit puts this folder first, where this file would hide the package of the same name.
    sys.path.insert(0, _ROOT)

from streamlit_app.components import run  # noqa: E402

run.run()
