"""Take the README's pictures; see streamlit_app/screenshots.py."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from streamlit_app.screenshots import main

if __name__ == "__main__":
    sys.exit(main())
